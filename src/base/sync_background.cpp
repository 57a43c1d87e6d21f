// cenote: SPDX-License-Identifier: MIT
#include <cenote/base/sync_background.hpp>

#include "sync_background_wait.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace cenote::inline v0_1::sync {
namespace {

bool open_pipe(int (&ends)[2]) noexcept {
    if (::pipe(ends) != 0) return false;
    for (const int end : ends) {
        (void)::fcntl(end, F_SETFD, FD_CLOEXEC);
        (void)::fcntl(end, F_SETFL, O_NONBLOCK);
    }
    return true;
}

} // namespace

bool background::start(work call, void* context, int urgent, int told) noexcept {
    if (is_running() || !open_pipe(ends_)) return false;
    call_ = call;
    context_ = context;
    urgent_ = urgent;
    told_ = told;
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool is_made = pthread_create(&thread_, nullptr, &run, this) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (is_made) {
        owner_ = ::getpid();
    } else {
        for (const int end : ends_) ::close(end);
    }
    return is_made;
}

void background::send(char what) noexcept {
    const int saved = errno;
    while (::write(ends_[1], &what, 1) < 0 && errno == EINTR) {
    } // a pipe that is full wakes it as well
    errno = saved;
}

void background::wake() noexcept {
    if (is_running()) send(wakes);
}

void background::stop() noexcept {
    if (!is_running()) return;
    if (owner_ == ::getpid()) {
        send(stops);
        (void)pthread_join(thread_, nullptr);
    }
    for (const int end : ends_) ::close(end);
    owner_ = 0;
}

void* background::run(void* self) noexcept {
    static_cast<background*>(self)->loop();
    return nullptr;
}

void background::loop() noexcept {
    bool is_urgent = false;
    for (;;) {
        const std::int64_t next = call_(context_, is_urgent);
        // A negative one is passed over.
        pollfd watched[3] = {{ends_[0], POLLIN, 0}, {urgent_, POLLPRI, 0}, {told_, POLLIN, 0}};
        (void)::poll(watched, 3, milliseconds_until(next));
        char said[64];
        const ssize_t count = ::read(ends_[0], said, sizeof said);
        if (count > 0 && std::memchr(said, stops, static_cast<std::size_t>(count)) != nullptr) return;
        const bool has_words = (watched[2].revents & POLLIN) != 0 && ::read(told_, said, sizeof said) > 0;
        is_urgent = (watched[1].revents & POLLPRI) != 0 || has_words;
        constexpr short over = POLLERR | POLLNVAL | POLLHUP; // it tells no more
        if ((watched[1].revents & over) != 0) urgent_ = -1;
        if ((watched[2].revents & over) != 0 && !has_words) told_ = -1;
    }
}

void close_memory_pressure(int descriptor) noexcept {
    if (descriptor >= 0) ::close(descriptor);
}

} // namespace cenote::inline v0_1::sync
