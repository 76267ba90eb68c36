#include "actors/document.hpp"

namespace tally::actors {

void entry_list::add(const entry& original) {
  entry copy = original;
  for (std::string_view* text :
       {&copy.merchant_id, &copy.account, &copy.order, &copy.refund, &copy.reservation, &copy.transfer, &copy.adjustment, &copy.reward,
        &copy.peer, &copy.reason, &copy.token, &copy.terminal, &copy.cashier, &copy.note, &copy.text})
    *text = keep(*text);
  if (!copy.lines.empty()) {
    auto& lines = lines_.emplace_back(copy.lines.begin(), copy.lines.end());
    for (sale_line& line : lines) {
      line.sku = keep(line.sku);
      line.category = keep(line.category);
    }
    copy.lines = lines;
  }
  if (!copy.offsets.empty())
    copy.offsets = offsets_.emplace_back(copy.offsets.begin(), copy.offsets.end());
  entries_.push_back(std::move(copy));
}

std::string_view entry_list::keep(std::string_view text) { return text.empty() ? std::string_view{} : texts_.emplace_back(text); }

} // namespace tally::actors
