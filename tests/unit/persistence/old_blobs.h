// Ziplists and zipmaps made by hand: nobody writes them any more. Short strings and integers only; the golden files
// have the rest.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cowslip::persistence {

template <typename T>
std::string little_endian_bytes(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

// A ziplist of entries whose encoding and value are given; what stands before each is added.
inline std::string ziplist_of(const std::vector<std::string>& entries) {
  std::string body;
  size_t before = 0, last = 10;
  for (const std::string& entry : entries) {
    last = 10 + body.size();
    const std::string head = before < 254 ? std::string(1, static_cast<char>(before))
                                          : "\xfe" + little_endian_bytes(static_cast<uint32_t>(before));
    body += head + entry;
    before = head.size() + entry.size();
  }
  return little_endian_bytes(static_cast<uint32_t>(11 + body.size())) +
         little_endian_bytes(static_cast<uint32_t>(last)) + little_endian_bytes(static_cast<uint16_t>(entries.size())) +
         body + "\xff";
}

// An entry of up to 16383 bytes.
inline std::string ziplist_text(std::string_view text) {
  if (text.size() < 64) return static_cast<char>(text.size()) + std::string(text);
  return std::string{static_cast<char>(0x40 | text.size() >> 8), static_cast<char>(text.size())} + std::string(text);
}

inline std::string ziplist_of_texts(const std::vector<std::string>& texts) {
  std::vector<std::string> entries;
  for (const std::string& text : texts) entries.push_back(ziplist_text(text));
  return ziplist_of(entries);
}

// Of strings of up to 253 bytes; `unused` bytes behind each value.
inline std::string zipmap_of(const std::vector<std::pair<std::string, std::string>>& pairs, size_t unused = 0) {
  std::string bytes(1, static_cast<char>(pairs.size() < 254 ? pairs.size() : 254));
  for (const auto& [field, value] : pairs) {
    bytes += static_cast<char>(field.size()) + field + static_cast<char>(value.size()) + static_cast<char>(unused) +
             value + std::string(unused, '?');
  }
  return bytes + "\xff";
}

}  // namespace cowslip::persistence
