// cenote: SPDX-License-Identifier: MIT
//
// The temporary folder that recorded programs write to, removed when it goes out of scope.
#pragma once

#include <string>
#include <vector>

namespace cenote::tool {

class spool_folder {
public:
    // Throws `failure` when no folder can be made within `parent`.
    explicit spool_folder(const std::string& parent);
    ~spool_folder();
    spool_folder(const spool_folder&) = delete;
    spool_folder& operator=(const spool_folder&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; } // absolute

private:
    std::string path_;
};

// Spools in `parent` whose `cenote record` is no longer running.
[[nodiscard]] std::vector<std::string> abandoned_spools(const std::string& parent);

} // namespace cenote::tool
