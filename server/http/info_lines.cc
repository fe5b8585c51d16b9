#include "server/http/info_lines.h"

#include <charconv>

namespace cowslip::server {

namespace {

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

// Takes what stands before `separator` off the front of `text`, all of it when there is none.
std::string_view take_until(std::string_view& text, std::string_view separator) {
  const size_t end = text.find(separator);
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + separator.size());
  return taken;
}

}  // namespace

InfoLines split_info(std::string_view info) {
  InfoLines lines;
  while (!info.empty()) {
    std::string_view line = take_until(info, "\r\n");
    if (line.empty() || line.starts_with('#')) continue;
    const std::string_view name = take_until(line, ":");
    lines.emplace(name, line);
  }
  return lines;
}

std::string_view info_text(const InfoLines& lines, std::string_view name) {
  const auto found = lines.find(name);
  return found == lines.end() ? std::string_view() : found->second;
}

std::optional<double> info_value(const InfoLines& lines, std::string_view name) {
  std::string_view text = info_text(lines, name);
  if (text == "ok") return 1;
  if (text == "err" || text == "fail") return 0;
  if (text.ends_with('%')) text.remove_suffix(1);
  return number(text);
}

void for_each_with_prefix(const InfoLines& lines, std::string_view prefix,
                          const std::function<void(std::string_view, std::string_view)>& each) {
  for (auto line = lines.lower_bound(prefix); line != lines.end() && line->first.starts_with(prefix); ++line) {
    each(line->first.substr(prefix.size()), line->second);
  }
}

void for_each_part(std::string_view value, const std::function<void(std::string_view, std::string_view)>& each) {
  while (!value.empty()) {
    std::string_view part = take_until(value, ",");
    const std::string_view key = take_until(part, "=");
    each(key, part);
  }
}

double part_of(std::string_view value, std::string_view key) {
  double found = 0;
  for_each_part(value, [&](std::string_view name, std::string_view text) {
    if (name == key) found = number(text).value_or(0);
  });
  return found;
}

}  // namespace cowslip::server
