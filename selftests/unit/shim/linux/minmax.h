/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_MINMAX_H
#define SHIM_MINMAX_H

#define min_t(type, a, b)	({ type a_ = (a); type b_ = (b); a_ < b_ ? a_ : b_; })
#define max_t(type, a, b)	({ type a_ = (a); type b_ = (b); a_ > b_ ? a_ : b_; })
/* As the kernel's, they refuse operands of different types. */
#define SHIM_SAME(a, b)		((void)(sizeof((typeof(a) *)1 == (typeof(b) *)1)))
#define min(a, b)		({ SHIM_SAME(a, b); min_t(typeof(a), a, b); })
#define max(a, b)		({ SHIM_SAME(a, b); max_t(typeof(a), a, b); })
#define max3(a, b, c)		({ typeof(a) ab_ = max(a, b); max(ab_, c); })
#define clamp(v, lo, hi)	({ typeof(v) lo_ = max(v, lo); min(lo_, hi); })

#endif
