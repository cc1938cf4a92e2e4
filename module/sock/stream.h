/* SPDX-License-Identifier: GPL-2.0 */
/* The stream type, as socket(2) needs it; struct proto is declared in engine/conn.h. */
#ifndef YOKE_STREAM_H
#define YOKE_STREAM_H

#include "../engine/conn.h"

extern const struct proto_ops yoke_stream_ops;

#endif
