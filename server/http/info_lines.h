// The text of INFO taken apart again, for those who translate it. The views are into the text, which must live on.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string_view>

namespace cowslip::server {

// "name:value" lines; of two with the same name the first counts.
using InfoLines = std::map<std::string_view, std::string_view, std::less<>>;
InfoLines split_info(std::string_view info);

// The value as a number: "ok" is 1, "err" and "fail" are 0, a percent sign is passed over. Empty: it is none.
std::optional<double> info_value(const InfoLines& lines, std::string_view name);
// The value as it is; empty when there is no such line.
std::string_view info_text(const InfoLines& lines, std::string_view name);

// Calls `each(rest of the name, value)` for the lines whose name begins with `prefix`, in the order of their names.
void for_each_with_prefix(const InfoLines& lines, std::string_view prefix,
                          const std::function<void(std::string_view, std::string_view)>& each);
// Calls `each(key, value)` for a value of the form "key=value,key=value".
void for_each_part(std::string_view value, const std::function<void(std::string_view, std::string_view)>& each);
// One number of such a value; 0 when it is not there.
double part_of(std::string_view value, std::string_view key);

}  // namespace cowslip::server
