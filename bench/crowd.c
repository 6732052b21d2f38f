// Plays the Lambda Runtime API for one runtime that serves many invocations at once, adding as little as it can.
//
//     crowd -e EVENT -c CONNECTIONS [-n COUNT] [-w WARM-UP] -- COMMAND [ARGUMENT...]
//
// It listens on a loopback port and forks COMMAND, in a process group of its own, with AWS_LAMBDA_RUNTIME_API set. Once so
// many requests for an event wait it serves WARM-UP events, each as soon as somebody waits, prints the group's id, and
// goes on when it reads a line: so that whoever started it can look at the processes. Then it serves COUNT events, prints
// how many nanoseconds that took, waits for another line, and ends the group with SIGKILL.
//
// One thread and one epoll(7) for all connections. Bodies have a Content-Length.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 60000, MAX_CONNECTIONS = 1024, REQUEST_BYTES = 1 << 16 };

struct connection {
    int descriptor;
    bool waits;
    size_t filled;
    char received[REQUEST_BYTES];
};

static struct connection *connections[MAX_CONNECTIONS];
static int count_of_connections, waiting, listener, poller;
static pid_t runtime;
static char event[4096];
static size_t event_bytes;
static long given, answered, errors;

static _Noreturn void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("bench/crowd: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    if (runtime > 0) kill(-runtime, SIGKILL);
    exit(1);
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void send_all(struct connection *to, const char *data, size_t size) {
    while (size) {
        ssize_t sent = send(to->descriptor, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) die("the runtime closed its connection: %s", strerror(errno));
        data += sent;
        size -= (size_t)sent;
    }
}

static void give(struct connection *to) {
    char head[8192];
    int size = snprintf(
        head, sizeof head,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        "Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-%012lx\r\n"
        "Lambda-Runtime-Deadline-Ms: %lld\r\n"
        "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:012345678912:function:bench\r\n"
        "Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6e%012lx;Parent=9a91%012lx;Sampled=1\r\n"
        "Content-Length: %zu\r\n\r\n%.*s",
        given, (long long)time(NULL) * 1000 + 60000, given, given, event_bytes, (int)event_bytes, event);
    to->waits = false;
    waiting--;
    given++;
    send_all(to, head, (size_t)size);
}

static size_t content_length(const char *head, size_t size) {
    static const char name[] = "\r\ncontent-length:";
    for (const char *at = head; at + sizeof name - 1 < head + size; at++)
        if (*at == '\r' && !strncasecmp(at, name, sizeof name - 1)) return strtoul(at + sizeof name - 1, NULL, 10);
    return 0;
}

static void take_requests(struct connection *from) {
    static const char accepted[] =
        "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n";
    char *end;
    while ((end = memmem(from->received, from->filled, "\r\n\r\n", 4))) {
        size_t head = (size_t)(end - from->received) + 4;
        size_t size = head + content_length(from->received, head);
        if (from->filled < size) return;
        if (!strncmp(from->received, "GET ", 4)) {
            from->waits = true;
            waiting++;
        } else {
            if (memmem(from->received, head, "/init/error", 11)) die("the runtime could not load the function");
            errors += memmem(from->received, head, "/error HTTP/1.", 14) != NULL;
            answered++;
            send_all(from, accepted, sizeof accepted - 1);
        }
        memmove(from->received, from->received + size, from->filled - size);
        from->filled -= size;
    }
    if (from->filled == REQUEST_BYTES) die("a request is larger than %d bytes", REQUEST_BYTES);
}

static void accept_one(void) {
    int yes = 1, descriptor = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (descriptor < 0 || count_of_connections == MAX_CONNECTIONS) die("cannot accept: %s", strerror(errno));
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct connection *made = calloc(1, sizeof *made);
    made->descriptor = descriptor;
    connections[count_of_connections++] = made;
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = made};
    epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &interest);
}

static void drop(struct connection *gone) {
    waiting -= gone->waits;
    close(gone->descriptor);
    for (int index = 0; index < count_of_connections; index++)
        if (connections[index] == gone) connections[index] = connections[--count_of_connections];
    free(gone);
}

static void turn(void) {
    struct epoll_event ready[64];
    int count = epoll_wait(poller, ready, 64, PATIENCE_MS);
    if (count < 0 && errno == EINTR) return;
    if (count <= 0) die("nothing came within %d s: %d wait, %ld were answered", PATIENCE_MS / 1000, waiting, answered);
    if (waitpid(runtime, NULL, WNOHANG) == runtime) die("the runtime ended");
    for (int index = 0; index < count; index++) {
        struct connection *from = ready[index].data.ptr;
        if (!from) {
            accept_one();
            continue;
        }
        ssize_t got = recv(from->descriptor, from->received + from->filled, REQUEST_BYTES - from->filled, 0);
        if (got <= 0) {
            drop(from);
            continue;
        }
        from->filled += (size_t)got;
        take_requests(from);
    }
}

// Serve events until so many more were answered, then wait until all wait again.
static int64_t serve(long more, int at_once) {
    long until = answered + more, last = given + more;
    int64_t began = now(), ended = began;
    while (answered < until) {
        for (int index = 0; index < count_of_connections && given < last; index++)
            if (connections[index]->waits) give(connections[index]);
        turn();
        ended = now();
    }
    while (waiting < at_once) turn();
    return ended - began;
}

int main(int argc, char **argv) {
    int letter, at_once = 0, yes = 1;
    long count = 0, warm_up = 0;
    const char *path = NULL;
    while ((letter = getopt(argc, argv, "+e:n:w:c:")) != -1) switch (letter) {
            case 'e': path = optarg; break;
            case 'n': count = atol(optarg); break;
            case 'w': warm_up = atol(optarg); break;
            case 'c': at_once = atoi(optarg); break;
            default: exit(2);
        }
    FILE *file = path ? fopen(path, "r") : NULL;
    if (!file || !at_once || optind == argc) die("usage: crowd -e EVENT -c CONNECTIONS [-n COUNT] [-w WARM-UP] -- COMMAND...");
    event_bytes = fread(event, 1, sizeof event, file);
    fclose(file);

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 256) ||
        getsockname(listener, (struct sockaddr *)&address, &size))
        die("cannot listen on loopback: %s", strerror(errno));
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &interest);

    char api[32];
    snprintf(api, sizeof api, "127.0.0.1:%d", ntohs(address.sin_port));
    setenv("AWS_LAMBDA_RUNTIME_API", api, 1);
    runtime = fork();
    if (runtime < 0) die("fork: %s", strerror(errno));
    if (runtime == 0) {
        setpgid(0, 0);
        int nowhere = open("/dev/null", O_RDWR);
        dup2(nowhere, 0);
        dup2(nowhere, 1);
        execvp(argv[optind], argv + optind);
        _exit(127);
    }
    setpgid(runtime, runtime);
    while (waiting < at_once) turn();
    serve(warm_up, at_once);
    printf("%d\n", (int)runtime);
    fflush(stdout);
    if (getchar() == EOF) die("nobody wants to go on");
    errors = 0;
    int64_t took = serve(count, at_once);
    printf("%lld %ld\n", (long long)took, errors);
    fflush(stdout);
    getchar();
    kill(-runtime, SIGKILL);
    return 0;
}
