#include "memory/cgroup_mounts.h"

#include <algorithm>
#include <optional>
#include <ranges>
#include <utility>

#include "memory/kernel_text.h"

namespace cowslip::memory {
namespace {

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (const auto part : text | std::views::split(at)) parts.emplace_back(part.begin(), part.end());
  return parts;
}

bool contains(const std::vector<std::string_view>& parts, std::string_view wanted) {
  return std::ranges::find(parts, wanted) != parts.end();
}

bool lists(std::string_view comma_separated, std::string_view wanted) {
  return contains(split(comma_separated, ','), wanted);
}

// mountinfo writes a blank as \040, and other bytes that would end a field likewise.
std::string unescaped(std::string_view text) {
  const auto octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string plain;
  for (size_t i = 0; i < text.size(); i++) {
    const bool escape =
        text[i] == '\\' && i + 3 < text.size() && octal(text[i + 1]) && octal(text[i + 2]) && octal(text[i + 3]);
    if (!escape) {
      plain += text[i];
      continue;
    }
    plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return plain;
}

// One line of mountinfo about a hierarchy of control groups.
struct Mount {
  std::string top;    // the group that is mounted
  std::string point;  // where
  bool unified = false;
};

// "35 31 0:32 /group /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory"; the number of fields
// before the dash varies.
std::optional<Mount> parse_mount(std::string_view line) {
  const size_t dash = line.find(" - ");
  if (dash == std::string_view::npos) return std::nullopt;
  const auto before = split(line.substr(0, dash), ' ');
  const auto after = split(line.substr(dash + 3), ' ');
  if (before.size() < 5 || after.size() < 3) return std::nullopt;
  const bool unified = after[0] == "cgroup2";
  if (!unified && (after[0] != "cgroup" || !lists(after[2], "memory"))) return std::nullopt;
  return Mount{.top = unescaped(before[3]), .point = unescaped(before[4]), .unified = unified};
}

// The names of the process's groups, from lines like "4:cpu,memory:/name" and "0::/name".
struct OwnNames {
  std::optional<std::string> memory_v1;
  std::optional<std::string> unified;
};

OwnNames parse_names(std::string_view text) {
  OwnNames names;
  for (const std::string_view line : split(text, '\n')) {
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    if (lists(controllers, "memory")) names.memory_v1 = std::string(line.substr(second + 1));
    if (line.starts_with("0::")) names.unified = std::string(line.substr(second + 1));
  }
  return names;
}

// What follows the mounted group in the process's; nothing when the process is not below it, as far as can be seen. A
// name with ".." is of a group outside of what this namespace sees.
std::optional<std::string> below(const std::string& name, const std::string& top) {
  if (contains(split(name, '/'), "..")) return std::nullopt;
  if (top == "/") return name == "/" ? "" : name;
  if (!name.starts_with(top)) return std::nullopt;
  std::string rest = name.substr(top.size());
  if (!rest.empty() && rest[0] != '/') return std::nullopt;
  return rest;
}

void add_places(const std::vector<Mount>& mounts, bool unified, const std::optional<std::string>& name,
                const std::string& root, std::vector<CgroupPlace>& into) {
  if (!name) return;
  for (const Mount& mount : mounts) {
    if (mount.unified != unified) continue;
    if (auto rest = below(*name, mount.top)) into.push_back({root + mount.point, *std::move(rest)});
  }
  for (const Mount& mount : mounts) {
    if (mount.unified == unified) into.push_back({root + mount.point, ""});
  }
}

std::string without(char end, std::string text) {
  while (text.ends_with(end)) text.pop_back();
  return text;
}

}  // namespace

CgroupMounts::CgroupMounts(const std::string& root) {
  const std::string base = without('/', root);
  const OwnNames names = parse_names(read_kernel_file(base + "/proc/self/cgroup").value_or(""));
  const std::string mountinfo = read_kernel_file(base + "/proc/self/mountinfo").value_or("");
  std::vector<Mount> mounts;
  for (const std::string_view line : split(mountinfo, '\n')) {
    if (auto mount = parse_mount(line)) mounts.push_back(*std::move(mount));
  }
  add_places(mounts, false, names.memory_v1, base, memory_v1_);
  add_places(mounts, true, names.unified, base, unified_);
  for (const CgroupPlace& place : unified_) {
    const std::string line = without('\n', read_kernel_file(place.mount + "/cgroup.controllers").value_or(""));
    if (contains(split(line, ' '), "memory")) unified_counts_memory_ = true;
  }
}

}  // namespace cowslip::memory
