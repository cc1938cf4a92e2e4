// SPDX-License-Identifier: GPL-2.0
// An HTTP server and client of Go's library, for selftests/programs.py: what is posted comes back
// as its hash, and what is asked for is as long as asked.
package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"sync"
)

func serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		log.Fatal(err)
	}
	w.Header().Set("Sum", fmt.Sprintf("%x", sha256.Sum256(body)))
	w.Write(body)
}

func ask(url string, size int) {
	data := make([]byte, size)
	rand.Read(data)
	r, err := http.Post(url, "application/octet-stream", bytes.NewReader(data))
	if err != nil {
		log.Fatal(err)
	}
	defer r.Body.Close()
	back, err := io.ReadAll(r.Body)
	if err != nil {
		log.Fatal(err)
	}
	if !bytes.Equal(back, data) || r.Header.Get("Sum") != fmt.Sprintf("%x", sha256.Sum256(data)) {
		log.Fatalf("%d bytes came back as %d others", size, len(back))
	}
}

func main() {
	address := os.Args[2]
	if os.Args[1] == "server" {
		log.Fatal(http.ListenAndServe(address, http.HandlerFunc(serve)))
	}
	var all sync.WaitGroup
	for i := 0; i < 4; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			for j := 0; j < 5; j++ {
				ask("http://"+address+"/", i*j*20000)
			}
		}(i)
	}
	all.Wait()
	fmt.Println("all the same")
}
