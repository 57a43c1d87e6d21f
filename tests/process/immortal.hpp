// cenote: SPDX-License-Identifier: MIT
//
// An object in static storage that is there before the first constructor runs and never destructed: good for
// whatever runs before `main` and after it.
#pragma once

#include <utility>

namespace cenote::test {

template<class T>
union immortal {
    template<class... Args>
    constexpr explicit immortal(Args&&... args) : object_(std::forward<Args>(args)...) {}
    immortal(const immortal&) = delete;
    immortal& operator=(const immortal&) = delete;
    ~immortal() {}

    [[nodiscard]] constexpr T& operator*() noexcept { return object_; }
    [[nodiscard]] constexpr T* operator->() noexcept { return &object_; }

private:
    T object_;
};

} // namespace cenote::test
