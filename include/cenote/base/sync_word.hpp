// cenote: SPDX-License-Identifier: MIT
//
// Plain words that one thread at a time writes, mostly under a lock, and that others read without it. Light,
// unlike sync.hpp: headers of pools for one thread include it.
#pragma once

namespace cenote::sync {

template<class T>
[[nodiscard]] inline T load_relaxed(const T& word) noexcept {
    return __atomic_load_n(&word, __ATOMIC_RELAXED);
}
template<class T>
inline void store_relaxed(T& word, T value) noexcept {
    __atomic_store_n(&word, value, __ATOMIC_RELAXED);
}
template<class T>
[[nodiscard]] inline T load_acquire(const T& word) noexcept {
    return __atomic_load_n(&word, __ATOMIC_ACQUIRE);
}
template<class T>
inline void store_release(T& word, T value) noexcept {
    __atomic_store_n(&word, value, __ATOMIC_RELEASE);
}

} // namespace cenote::sync
