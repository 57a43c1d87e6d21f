// cenote: SPDX-License-Identifier: MIT
#include "recorder/stream.hpp"

#include "recorder/chunks.hpp"
#include "recorder/system.hpp"

#include <cstring>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cenote::recorder {

constinit thread_local pen my_pen __attribute__((tls_model("initial-exec"))) = {};
std::atomic<std::uint64_t>* generation = nullptr;
std::atomic<std::uint64_t> sequence{0};

namespace {

constexpr std::uint64_t wiped = 0;
constexpr std::uint64_t opening = ~std::uint64_t{0};     // a child of fork is beginning its stream
constexpr std::uint64_t stopped = ~std::uint64_t{0} - 1; // nothing more is recorded

spool::header* header = nullptr;
std::uint64_t last_generation = 0; // ordinary memory: a child of fork knows its parent's
std::atomic<std::uint32_t> threads{0};
pthread_key_t exit_key;
bool exit_key_usable = false;

// The path that was executed: a program with several names is known by the one it was called. The kernel's
// own note of a relative one does not say where it lay.
void read_program(char* out) {
    const char* called = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
    if (called != nullptr && called[0] == '/' && strlen(called) < spool::program_bytes) {
        memcpy(out, called, strlen(called) + 1);
        return;
    }
    const long n = syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", out, spool::program_bytes - 1);
    out[n > 0 ? n : 0] = '\0';
}

// Begins the stream of this process; `parent` is the stream this process was forked from, or null.
bool begin_stream(const spool::header* parent) {
    const std::uint64_t started = monotonic_ns();
    const int fd = create_stream_file(process_id(), started);
    if (fd < 0) return false;
    auto* fresh = static_cast<spool::header*>(map_extent(fd, 0, spool::unit_bytes));
    close_file(fd);
    if (fresh == nullptr) return false;
    fresh->pid = process_id();
    fresh->parent_pid = parent_process_id();
    fresh->id = started << 16 ^ fresh->pid;
    fresh->parent_id = parent != nullptr ? parent->id : 0;
    fresh->started_ns = started;
    read_program(fresh->program);
    std::atomic_ref<std::uint64_t>(fresh->magic).store(spool::magic, std::memory_order_release);
    header = fresh;
    forget_chunks();
    sequence.store(0, std::memory_order_relaxed);
    threads.store(0, std::memory_order_relaxed);
    return true;
}

// A child of fork: begins its own stream, or records nothing and tells its parent's stream so.
void begin_child() {
    std::uint64_t seen = wiped;
    if (!generation->compare_exchange_strong(seen, opening)) {
        while (generation->load() == opening) sched_yield();
        return;
    }
    // When the parent had stopped, its header stays mapped and counts the child's losses too.
    if (last_generation != stopped) {
        spool::header* parent = header;
        const bool begun = begin_stream(parent);
        if (!begun) parent->lost_children.fetch_add(1);
        if (!begun) header = nullptr;
        unmap(parent, spool::unit_bytes);
        last_generation = begun ? last_generation + 1 : stopped;
    }
    generation->store(last_generation);
}

void count_lost() {
    if (header != nullptr) header->lost_events.fetch_add(1);
}

void leave_thread(void*) {
    pen& p = my_pen;
    if (p.generation == generation->load() && p.chunk != nullptr) give_back({p.chunk, p.chunk_bytes, p.next});
    p.chunk = nullptr;
    p.next = p.end = nullptr;
}

void forget_if_forked() {
    generation->store(wiped);
}

} // namespace

bool open_stream() noexcept {
    const saved_errno keep;
    if (!find_spool()) return false;
    void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return false;
    generation = static_cast<std::atomic<std::uint64_t>*>(page);
    if (madvise(page, 4096, MADV_WIPEONFORK) != 0) pthread_atfork(nullptr, nullptr, forget_if_forked);
    if (!begin_stream(nullptr)) return false;
    // The first 32 keys cost no allocation when they are set; a later one would be recorded, so do without.
    exit_key_usable = pthread_key_create(&exit_key, leave_thread) == 0;
    if (exit_key_usable && exit_key >= 32) exit_key_usable = pthread_key_delete(exit_key) != 0;
    generation->store(last_generation = 1);
    return true;
}

bool claim() noexcept {
    const saved_errno keep;
    pen& p = my_pen;
    if (generation->load() == wiped || generation->load() == opening) begin_child();
    const std::uint64_t now = generation->load();
    if (now == stopped) {
        count_lost();
        return false;
    }
    if (p.generation != now) {
        // A child's first event: what this thread had of its parent's file stays mapped, for a signal handler
        // may have forked in the middle of `note`.
        p = pen{.generation = now, .site = p.site, .inside = p.inside};
        p.thread = threads.fetch_add(1, std::memory_order_relaxed);
    }
    if (p.next != p.end) return true;
    if (p.chunk != nullptr) unmap(p.chunk, p.chunk_bytes);
    const chunk fresh = take_chunk(p.claimed++);
    p.chunk = fresh.where;
    p.chunk_bytes = fresh.size;
    p.next = fresh.next;
    p.end = fresh.where == nullptr
                ? nullptr
                : static_cast<spool::event*>(fresh.where) + fresh.size / sizeof(spool::event);
    if (p.next != p.end) {
        if (exit_key_usable) pthread_setspecific(exit_key, &p);
        return true;
    }
    count_lost();
    generation->store(last_generation = stopped);
    return false;
}

} // namespace cenote::recorder
