// Plays the Lambda Runtime API for one runtime and measures it, adding as little as it can.
//
//     server -e EVENT [-n COUNT] [-w WARM-UP] [-s SAMPLES] [-p PAUSE-us] [-c CPU] [-a ANSWER-FILE]
//            -- COMMAND [ARGUMENT...]
//
// It listens on a loopback port, forks COMMAND with AWS_LAMBDA_RUNTIME_API set, serves the same event again and again,
// ends the runtime with SIGKILL, and prints one JSON object of nanoseconds, by CLOCK_MONOTONIC:
//
//     cold      from just before fork() to the first byte of the first /next
//     invocations, each [write, warm, cycle]:
//       write   from before the event's first byte is written to after its last
//       warm    from there to the last byte of the answer; of one in chunks, of its first chunk
//       cycle   from there to the last byte of the next /next
//     wall      from the first of these events to the last /next
//     cpu       the process's CPU time in that span;  cpu_total: from fork to end, by wait4
//     peak_kib  the largest resident set, by wait4
//     rss_kib, descriptors, threads   the resident set, and how many of these the runtime has, at SAMPLES even intervals
//
// With -c the runtime runs on that CPU, else wherever this program may.
//
// One connection at a time, read with plain blocking calls: a poll() before each would be paid for by every
// invocation. A request may be split anywhere, and several may arrive at once. Bodies have a Content-Length, or they are
// in chunks, and then they are the last on their connection. A runtime that registers an extension first, to be sent
// SIGTERM, has a connection of its own for that, which is kept.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 30, MAX_SAMPLES = 1000 };

// Untouched until the runtime is forked: a child's peak counts the pages that it inherits.
static char received[32 << 20];
static size_t filled;

static pid_t runtime;
static int listener, connection = -1;

struct request {
    bool is_next, is_error, is_chunked;
    size_t head_bytes, body_bytes;
};

struct invocation {
    int64_t write, warm, cycle;
};

static _Noreturn void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("bench/server: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    if (runtime > 0) kill(runtime, SIGKILL);
    exit(1);
}

static int64_t nanoseconds(clockid_t clock) {
    struct timespec now;
    if (clock_gettime(clock, &now)) die("clock_gettime: %s", strerror(errno));
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int64_t now(void) { return nanoseconds(CLOCK_MONOTONIC); }

static void die_if_runtime_ended(void) {
    int status;
    if (waitpid(runtime, &status, WNOHANG) != runtime) return;
    runtime = 0;
    if (WIFSIGNALED(status)) die("the runtime was killed by signal %d", WTERMSIG(status));
    die("the runtime ended with exit code %d", WEXITSTATUS(status));
}

// --- The connection ---

static int listen_on_loopback(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 8) ||
        getsockname(listener, (struct sockaddr *)&address, &size))
        die("cannot listen on loopback: %s", strerror(errno));
    return ntohs(address.sin_port);
}

static void accept_runtime(void) {
    int yes = 1;
    int ready;
    struct timeval patience = {.tv_sec = PATIENCE_S};
    struct pollfd waiting = {.fd = listener, .events = POLLIN};
    sigset_t child, before;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    if (connection >= 0) close(connection);
    filled = 0;
    // SIGCHLD comes in during ppoll() alone: one between the check and a plain accept() would go unseen.
    sigprocmask(SIG_BLOCK, &child, &before);
    do {
        die_if_runtime_ended();
        ready = ppoll(&waiting, 1, &(struct timespec){.tv_sec = PATIENCE_S}, &before);
    } while (ready < 0 && errno == EINTR);
    sigprocmask(SIG_SETMASK, &before, NULL);
    connection = ready > 0 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
    if (connection < 0) die("the runtime did not connect within %d s", PATIENCE_S);
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

static void receive_more(void) {
    for (;;) {
        if (filled == sizeof received) die("a request is larger than %zu bytes", sizeof received);
        ssize_t got = connection < 0 ? 0 : recv(connection, received + filled, sizeof received - filled, 0);
        if (got > 0) {
            filled += (size_t)got;
            return;
        }
        if (got < 0 && errno != EINTR && errno != ECONNRESET) die("no request within %d s", PATIENCE_S);
        die_if_runtime_ended();
        if (got == 0 || errno == ECONNRESET) accept_runtime();
    }
}

static void send_all(struct iovec *parts, int count) {
    while (count) {
        ssize_t sent = writev(connection, parts, count);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) die("the runtime closed its connection: %s", strerror(errno));
        for (; count && (size_t)sent >= parts->iov_len; parts++, count--) sent -= (ssize_t)parts->iov_len;
        if (count) {
            parts->iov_base = (char *)parts->iov_base + sent;
            parts->iov_len -= (size_t)sent;
        }
    }
}

// --- Requests ---

static size_t content_length(const char *head, size_t size) {
    static const char name[] = "\r\ncontent-length:";
    for (const char *at = head; at + sizeof name - 1 < head + size; at++)
        if (*at == '\r' && !strncasecmp(at, name, sizeof name - 1)) return strtoul(at + sizeof name - 1, NULL, 10);
    return 0;
}

// The size of the first chunk with its framing.
static size_t first_chunk(size_t head_bytes) {
    const char *line;
    while (!(line = memmem(received + head_bytes, filled - head_bytes, "\r\n", 2))) receive_more();
    return (size_t)(line - received) - head_bytes + 2 + strtoul(received + head_bytes, NULL, 16) + 2;
}

// Wait until a whole request stands at the start of `received`.
static struct request read_request(void) {
    struct request request = {0};
    const char *end;
    // From the start again with each piece: a head is small and mostly comes in one.
    while (!(end = memmem(received, filled, "\r\n\r\n", 4))) receive_more();
    request.head_bytes = (size_t)(end - received) + 4;
    request.body_bytes = content_length(received, request.head_bytes);
    request.is_next = !strncmp(received, "GET ", 4);
    request.is_error = memmem(received, request.head_bytes, "/error HTTP/1.", 14) != NULL;
    if (!request.is_next && memmem(received, request.head_bytes, "/init/error", 11)) {
        while (filled < request.head_bytes + request.body_bytes) receive_more();
        die("the runtime could not load the function: %.*s", (int)request.body_bytes, received + request.head_bytes);
    }
    request.is_chunked = memmem(received, request.head_bytes, "Transfer-Encoding: chunked", 26) != NULL;
    if (request.is_chunked) request.body_bytes = first_chunk(request.head_bytes);
    while (filled < request.head_bytes + request.body_bytes) receive_more();
    return request;
}

// Wait for the chunks that are left: the last one is empty, and nothing comes behind it.
static void read_other_chunks(struct request *request) {
    static const char end[] = "\r\n0\r\n\r\n";
    while (filled < sizeof end - 1 || memcmp(received + filled - (sizeof end - 1), end, sizeof end - 1)) receive_more();
    request->body_bytes = filled - request->head_bytes;
}

static void drop(struct request request) {
    size_t size = request.head_bytes + request.body_bytes;
    filled -= size;
    if (filled) memmove(received, received + size, filled);
}

// --- Replies ---

// Each event has a request id and a trace id of its own, as in Lambda: what keeps them grows.
static void send_event(const char *event, size_t size, long number) {
    char head[1024];
    int head_bytes = snprintf(
        head, sizeof head,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        "Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-%012lx\r\n"
        "Lambda-Runtime-Deadline-Ms: %lld\r\n"
        "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:012345678912:function:bench\r\n"
        "Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6e%012lx;Parent=9a91%012lx;Sampled=1\r\n"
        "Content-Length: %zu\r\n\r\n",
        (unsigned long)number, (long long)(nanoseconds(CLOCK_REALTIME) / 1000000 + 60000), (unsigned long)number,
        (unsigned long)number, size);
    struct iovec parts[] = {{head, (size_t)head_bytes}, {(char *)event, size}};
    send_all(parts, size ? 2 : 1);
}

static void send_accepted(void) {
    static char reply[] =
        "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"status\":\"OK\"}\n";
    struct iovec part = {reply, sizeof reply - 1};
    send_all(&part, 1);
}

// --- An extension ---

static bool is_registration(void) {
    static const char line[] = "POST /2020-01-01/extension/register ";
    while (filled < sizeof line - 1) receive_more();
    return !memcmp(received, line, sizeof line - 1);
}

// Answer the registration, leave the request for the extension's next event open, and wait for the runtime's own.
static void keep_extension(void) {
    static char reply[] =
        "HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: 0c1b2d3e-4f50-4617-8293-a4b5c6d7e8f9\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    struct iovec part = {reply, sizeof reply - 1};
    drop(read_request());
    send_all(&part, 1);
    drop(read_request());
    connection = -1;
    accept_runtime();
    receive_more();
}

// --- The runtime ---

static void start(char **command, int port, long cpu) {
    char api[32];
    snprintf(api, sizeof api, "127.0.0.1:%d", port);
    setenv("AWS_LAMBDA_RUNTIME_API", api, 1);
    runtime = fork();
    if (runtime < 0) die("fork: %s", strerror(errno));
    if (runtime > 0) return;
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    if (cpu >= 0) CPU_SET((size_t)cpu, &cpus);
    if (cpu >= 0 && sched_setaffinity(0, sizeof cpus, &cpus)) {
        fprintf(stderr, "bench/server: CPU %ld: %s\n", cpu, strerror(errno));
        _exit(127);
    }
    // Function logs go where writing costs least; stderr stays, so that a failure can be read.
    int nowhere = open("/dev/null", O_RDWR);
    dup2(nowhere, 0);
    dup2(nowhere, 1);
    execvp(*command, command);
    fprintf(stderr, "bench/server: %s: %s\n", *command, strerror(errno));
    _exit(127);
}

static long resident_kib(void) {
    char path[64];
    long size, resident = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)runtime);
    FILE *file = fopen(path, "r");
    if (!file || fscanf(file, "%ld %ld", &size, &resident) != 2) die("cannot read %s", path);
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

// How many entries a folder of the runtime's in /proc has.
static long count_entries(const char *folder) {
    char path[64];
    long count = 0;
    snprintf(path, sizeof path, "/proc/%d/%s", (int)runtime, folder);
    DIR *entries = opendir(path);
    if (!entries) die("cannot read %s", path);
    for (struct dirent *entry; (entry = readdir(entries));) count += entry->d_name[0] != '.';
    closedir(entries);
    return count;
}

static void print_samples(const char *name, const long *samples, long count) {
    printf("\"%s\": [", name);
    for (long index = 0; index < count; index++) printf("%s%ld", index ? ", " : "", samples[index]);
    fputs("],\n", stdout);
}

static void on_child(int number) { (void)number; }

// --- The command line ---

struct options {
    const char *event, *answer;
    long count, warm_up, samples, pause_us, cpu;
    char **command;
};

static struct options parse(int argc, char **argv) {
    struct options options = {.count = 1, .cpu = -1};
    int letter;
    while ((letter = getopt(argc, argv, "+e:n:w:s:p:c:a:")) != -1) switch (letter) {
            case 'e': options.event = optarg; break;
            case 'n': options.count = atol(optarg); break;
            case 'w': options.warm_up = atol(optarg); break;
            case 's': options.samples = atol(optarg); break;
            case 'p': options.pause_us = atol(optarg); break;
            case 'c': options.cpu = atol(optarg); break;
            case 'a': options.answer = optarg; break;
            default: exit(2);
        }
    options.command = argv + optind;
    if (!options.event || optind == argc || options.count < 0 || options.samples > MAX_SAMPLES)
        die("usage: server -e EVENT [-n COUNT] [-w WARM-UP] [-s SAMPLES] [-p PAUSE-us] [-c CPU] [-a ANSWER] -- COMMAND...");
    return options;
}

// Mapped and not read: until it is sent it takes no memory, in the child neither.
static const char *map(const char *path, size_t *size) {
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status)) die("%s: %s", path, strerror(errno));
    *size = (size_t)status.st_size;
    const char *content = *size ? mmap(NULL, *size, PROT_READ, MAP_PRIVATE, file, 0) : "";
    if (content == MAP_FAILED) die("%s: %s", path, strerror(errno));
    return content;
}

static void keep_answer(const char *path, struct request request) {
    FILE *file = fopen(path, "w");
    if (!file || fwrite(received + request.head_bytes, 1, request.body_bytes, file) != request.body_bytes ||
        fclose(file))
        die("%s: %s", path, strerror(errno));
}

int main(int argc, char **argv) {
    struct options options = parse(argc, argv);
    size_t event_bytes;
    const char *event = map(options.event, &event_bytes);
    struct sigaction action = {.sa_handler = on_child};  // not ignored: it must end a ppoll()
    sigaction(SIGCHLD, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    int port = listen_on_loopback();

    int64_t forked = now();
    start(options.command, port, options.cpu);
    accept_runtime();
    receive_more();
    while (is_registration()) keep_extension();
    int64_t cold = now() - forked;
    drop(read_request());

    struct invocation *invocations = calloc((size_t)options.count + 1, sizeof *invocations);
    if (!invocations) die("out of memory");
    long rss[MAX_SAMPLES], descriptors[MAX_SAMPLES], threads[MAX_SAMPLES], sampled = 0, errors = 0;
    clockid_t cpu_clock;
    if (clock_getcpuclockid(runtime, &cpu_clock)) die("the runtime's CPU clock cannot be read");
    int64_t began = now(), asked = began, cpu_before = nanoseconds(cpu_clock);
    for (long number = -options.warm_up; number < options.count; number++) {
        if (options.pause_us) usleep((useconds_t)options.pause_us);
        if (number == 0) {
            cpu_before = nanoseconds(cpu_clock);
            began = now();
        }
        int64_t before = now();
        send_event(event, event_bytes, number + options.warm_up);
        int64_t sent = now();
        struct request answer = read_request();
        int64_t answered = now();
        if (answer.is_chunked) read_other_chunks(&answer);
        if (answer.is_next) die("the runtime asked for the next event before it answered");
        errors += number >= 0 && answer.is_error;
        if (options.answer && number == options.count - 1) keep_answer(options.answer, answer);
        drop(answer);
        send_accepted();
        struct request next = read_request();
        asked = now();
        if (!next.is_next) die("the runtime answered twice");
        drop(next);
        if (number < 0) continue;
        invocations[number] = (struct invocation){sent - before, answered - sent, asked - sent};
        if (options.samples && (number + 1) * options.samples / options.count > sampled) {
            rss[sampled] = resident_kib();
            descriptors[sampled] = count_entries("fd");
            threads[sampled++] = count_entries("task");
        }
    }
    int64_t cpu = nanoseconds(cpu_clock) - cpu_before;

    struct rusage usage;
    kill(runtime, SIGKILL);
    while (wait4(runtime, NULL, 0, &usage) < 0 && errno == EINTR) {}
    int64_t cpu_total = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * INT64_C(1000000000) +
                        (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * INT64_C(1000);
    printf("{\"cold\": %ld, \"wall\": %ld, \"cpu\": %ld, \"cpu_total\": %ld, \"peak_kib\": %ld, \"errors\": %ld,\n", cold,
           asked - began, cpu, cpu_total, usage.ru_maxrss, errors);
    print_samples("rss_kib", rss, sampled);
    print_samples("descriptors", descriptors, sampled);
    print_samples("threads", threads, sampled);
    fputs("\"invocations\": [", stdout);
    for (long index = 0; index < options.count; index++)
        printf("%s[%ld, %ld, %ld]", index ? ", " : "", invocations[index].write, invocations[index].warm,
               invocations[index].cycle);
    puts("]}");
    return 0;
}
