// cenote: SPDX-License-Identifier: MIT
//
// What an object_pool holds: objects with a destructor that does not throw.
#include <cenote/pool/object_pool.hpp>

struct order {
    ~order() {}
};

struct thrower {
    ~thrower() noexcept(false) {}
};

cenote::object_pool<order> orders;
cenote::object_pool<int*> pointers;

#if CASE == 1
// expect: object_pool<T>: T must be an object type, neither const nor an array
cenote::object_pool<int[4]> arrays;
#elif CASE == 2
// expect: object_pool<T>: T must be an object type, neither const nor an array
cenote::object_pool<const int> constants;
#elif CASE == 3
// expect: object_pool<T>: T must be an object type, neither const nor an array
cenote::object_pool<int&> references;
#elif CASE == 4
// expect: object_pool<T>: T must be an object type, neither const nor an array
cenote::object_pool<int()> functions;
#elif CASE == 5
// expect: object_pool<T>: T must be an object type, neither const nor an array
cenote::object_pool<void> nothing;
#elif CASE == 6
// expect: object_pool<T>: the destructor of T must be noexcept, because destroy is
cenote::object_pool<thrower> throwers;
#endif
