// The warm limit: a runtime that sends each event back as it came, and does nothing else.
//
// Takes AWS_LAMBDA_RUNTIME_API as 127.0.0.1:PORT. Knows the bench's server and no other: its replies have a
// Content-Length and a request id, spelled as it spells them.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { UUID_BYTES = 36 };

static const char next_request[] = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: bench\r\n\r\n";
static char received[16 << 20];
static size_t filled;
static int api;

static void send_all(struct iovec *parts, int count) {
    while (count) {
        ssize_t sent = writev(api, parts, count);
        if (sent < 0) exit(1);
        for (; count && (size_t)sent >= parts->iov_len; parts++, count--) sent -= (ssize_t)parts->iov_len;
        if (count) {
            parts->iov_base = (char *)parts->iov_base + sent;
            parts->iov_len -= (size_t)sent;
        }
    }
}

static const char *after(const char *name) {
    const char *found = strstr(received, name);
    if (!found) exit(1);
    return found + strlen(name);
}

static void receive_more(void) {
    ssize_t got = recv(api, received + filled, sizeof received - 1 - filled, 0);
    if (got <= 0) exit(1);
    filled += (size_t)got;
}

// Return the size of the head that stands at the start of `received`, with a zero written over its last byte.
static size_t read_reply(size_t *body_bytes) {
    char *end;
    while (!(end = memmem(received, filled, "\r\n\r\n", 4))) receive_more();
    end[3] = '\0';
    size_t head_bytes = (size_t)(end - received) + 4;
    *body_bytes = strtoul(after("Content-Length: "), NULL, 10);
    while (filled < head_bytes + *body_bytes) receive_more();
    return head_bytes;
}

static void drop(size_t size) {
    filled -= size;
    if (filled) memmove(received, received + size, filled);
}

int main(void) {
    const char *endpoint = getenv("AWS_LAMBDA_RUNTIME_API");
    const char *port = endpoint ? strchr(endpoint, ':') : NULL;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;
    if (!port) return 1;
    address.sin_port = htons((uint16_t)atoi(port + 1));
    api = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(api, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(api, (struct sockaddr *)&address, sizeof address)) return 1;
    for (;;) {
        char head[256];
        size_t body_bytes, head_bytes, accepted_bytes;
        send_all(&(struct iovec){(char *)next_request, sizeof next_request - 1}, 1);
        head_bytes = read_reply(&body_bytes);
        int size = snprintf(head, sizeof head,
                            "POST /2018-06-01/runtime/invocation/%.*s/response HTTP/1.1\r\nHost: bench\r\n"
                            "Content-Length: %zu\r\n\r\n",
                            UUID_BYTES, after("Lambda-Runtime-Aws-Request-Id: "), body_bytes);
        struct iovec parts[] = {{head, (size_t)size}, {received + head_bytes, body_bytes}};
        send_all(parts, body_bytes ? 2 : 1);
        drop(head_bytes + body_bytes);
        head_bytes = read_reply(&accepted_bytes);
        drop(head_bytes + accepted_bytes);
    }
}
