#include "actors/owned_command.hpp"

#include <algorithm>
#include <cstring>

namespace tally::actors {

namespace {
constexpr std::size_t chunk_bytes = 4096;
}

command command_arena::keep(const command& original) {
  command copy = original;
  for (std::string_view* text : {&copy.merchant, &copy.account, &copy.order, &copy.reference, &copy.token, &copy.terminal, &copy.cashier,
                                 &copy.note, &copy.reason, &copy.to, &copy.phone, &copy.name, &copy.toml})
    *text = keep(*text);
  if (!copy.lines.empty()) {
    auto* lines = reinterpret_cast<sale_line*>(allocate(copy.lines.size_bytes()));
    std::uninitialized_copy(original.lines.begin(), original.lines.end(), lines);
    for (std::size_t i = 0; i < original.lines.size(); ++i) {
      lines[i].sku = keep(lines[i].sku);
      lines[i].category = keep(lines[i].category);
    }
    copy.lines = {lines, original.lines.size()};
  }
  return copy;
}

std::string_view command_arena::keep(std::string_view text) {
  if (text.empty())
    return {};
  char* place = allocate(text.size());
  std::memcpy(place, text.data(), text.size());
  return {place, text.size()};
}

char* command_arena::allocate(std::size_t bytes) {
  bytes = (bytes + 7) & ~std::size_t{7}; // lines need 8
  if (bytes > left_) {
    left_ = std::max(bytes, chunk_bytes);
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
    next_ = chunks_.back().get();
  }
  char* place = next_;
  next_ += bytes;
  left_ -= bytes;
  return place;
}

} // namespace tally::actors
