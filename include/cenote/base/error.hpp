// cenote: SPDX-License-Identifier: MIT
//
// What cenote says when it cannot go on: `out_of_memory`, `bad_options` and `pool_closed` are thrown; misuse
// of a pool and blocks left behind go to replaceable handlers. Nothing here allocates. Built without
// exceptions, what would be thrown is printed and the process aborts. Handlers may be set from any thread;
// they run on the thread that made the call, with no lock held; they may neither throw nor use the pool they
// are told of.
#pragma once

#include <cenote/base/config.hpp>

#include <cstddef>
#include <exception>
#include <new>

namespace cenote::inline v0_1 {

/// No limit: the default of every maximum.
inline constexpr std::size_t unlimited = static_cast<std::size_t>(-1);
/// A limit that there may be, but who reports it does not know it.
inline constexpr std::size_t unknown_limit = unlimited - 1;

/// What `{}` is in place of options: all as they are by default. Without this, compilers do not agree whether
/// it might not be a pool to be copied.
enum class defaults {};

/// Has a constructor take no memory: `try_open` does, for who cannot catch.
enum class unopened {};

/// What an exhausted pool knows when it refuses. Sizes in bytes, except where they say blocks.
struct shortage {
    const char* pool = "";             ///< the pool's name
    std::size_t requested = 0;         ///< bytes asked for
    std::size_t live = 0;              ///< bytes handed out and not returned
    std::size_t reserved = 0;          ///< bytes taken from the source
    std::size_t limit = unlimited;     ///< the pool's maximum, in bytes; `unknown_limit` where it cannot say
    std::size_t available = unlimited; ///< bytes its source could still give, where it knows
    std::size_t cached = 0;            ///< bytes of free blocks that other threads cache
};

/// Thrown by `allocate` and its kin. The text names pool, request, in use and limit.
class CENOTE_API out_of_memory : public std::bad_alloc {
public:
    explicit out_of_memory(const shortage& what) noexcept;
    [[nodiscard]] const char* what() const noexcept override { return text_; }
    [[nodiscard]] const shortage& details() const noexcept { return details_; }

private:
    shortage details_;
    char text_[352];
};

/// Thrown by a constructor whose options make no sense. The text says which option and what to do.
class CENOTE_API bad_options : public std::exception {
public:
    bad_options(const char* pool, const char* reason) noexcept;
    [[nodiscard]] const char* what() const noexcept override { return text_; }

private:
    char text_[224];
};

/// Thrown by waits for what a closed pool will not give any more. The text names the pool.
class CENOTE_API pool_closed : public std::exception {
public:
    explicit pool_closed(const char* pool) noexcept;
    [[nodiscard]] const char* what() const noexcept override { return text_; }

private:
    char text_[96];
};

/// How a pointer or a call was wrong.
enum class misuse {
    foreign_pointer,  ///< not from this pool
    interior_pointer, ///< inside a block, not its start
    past_the_end,     ///< right behind the last block of a slab, or a large block
    never_allocated,  ///< a block that was never handed out
    double_free,      ///< a block that is free already
    wrong_size,       ///< the size given is not the size class of the block
    not_quiet,        ///< a reset during a walk or among destructors, or another thread's call during a walk
    use_after_free,   ///< memory was written between its free and the next allocation of it
    bad_mark,         ///< a mark of another arena, or one that was rewound past
};

/// One misuse, as its handler gets it. Pointers are for comparing and printing, not for reading through.
struct misuse_report {
    misuse kind = misuse::foreign_pointer;
    const char* pool = "";
    const void* pointer = nullptr;
    std::size_t block_size = 0; ///< bytes a block of that pool holds; 0 where a pool has many sizes
};

using misuse_handler = void (*)(const misuse_report&) noexcept;

/// Sets the handler of misuse and returns the one before. Null restores the default, which prints and aborts.
/// When a handler returns, the misused call has changed nothing.
CENOTE_API misuse_handler set_misuse_handler(misuse_handler handler) noexcept;

/// The name of a kind, as the default handler prints it: "double free".
[[nodiscard]] CENOTE_API const char* misuse_text(misuse kind) noexcept;

/// Blocks still live when their pool is destroyed.
struct leak_report {
    const char* pool = "";
    std::size_t blocks = 0;
    std::size_t bytes = 0;
};

using leak_handler = void (*)(const leak_report&) noexcept;

/// Sets the handler of leaks and returns the one before. The default, restored by null, prints a line for
/// pools with `checks` and is silent for others (dropping a pool with its blocks is a way to free them).
/// A handler of your own is told of every pool.
CENOTE_API leak_handler set_leak_handler(leak_handler handler) noexcept;

namespace base {

[[noreturn]] CENOTE_API void raise_out_of_memory(const shortage& what);
[[noreturn]] CENOTE_API void raise_bad_options(const char* pool, const char* reason);
[[noreturn]] CENOTE_API void raise_pool_closed(const char* pool);
CENOTE_API void report_misuse(const misuse_report& report) noexcept;
CENOTE_API void report_leak(const leak_report& report, bool checked) noexcept;

} // namespace base
} // namespace cenote::inline v0_1
