// Reading what the kernel says as text: "name value" lines, as in /proc/meminfo and a control group's memory.stat.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cowslip::memory {

// The whole file; nothing when it cannot be opened or read. Files of the kernel have no size, so it is read to its end.
std::optional<std::string> read_kernel_file(const std::string& path);

// The number at the start of `text`, after blanks: "  17 kB" is 17. Nothing when there is none.
std::optional<uint64_t> leading_number(std::string_view text);

// The number in the line that starts with `name`, which a colon or a blank ends: "MemFree: 17 kB" and "anon 17" are 17.
std::optional<uint64_t> number_in_line(std::string_view text, std::string_view name);

}  // namespace cowslip::memory
