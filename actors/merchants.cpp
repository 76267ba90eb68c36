#include "actors/merchants.hpp"

#include "engine/assert.hpp"

namespace tally::actors {

// Zeroed memory is an array of null cells.
static_assert(std::atomic<merchant*>::is_always_lock_free && sizeof(std::atomic<merchant*>) == sizeof(merchant*));

merchant_table::merchant_table(std::uint64_t seed)
    : seed_(seed), slots_(slot_count * sizeof(cell)), numbers_((merchants_max + 1) * sizeof(cell)) {}

merchant_table::~merchant_table() {
  for (merchant_number number = 1; number <= newest_number_; ++number)
    delete at(number);
}

merchant* merchant_table::find(std::string_view id, std::uint64_t hash) const {
  for (std::size_t at = hash % slot_count;; at = (at + 1) % slot_count) {
    merchant* here = slots()[at].load(std::memory_order_acquire);
    if (here == nullptr || (here->hash == hash && here->id == id))
      return here;
  }
}

merchant& merchant_table::add(std::string_view id, merchant_number number) {
  TALLY_ASSERT(number > 0 && number <= merchants_max && at(number) == nullptr, number);
  auto* added = new merchant(number, id, hash_of(id));
  by_number()[number].store(added, std::memory_order_release);
  std::size_t place = added->hash % slot_count;
  while (slots()[place].load(std::memory_order_relaxed) != nullptr)
    place = (place + 1) % slot_count;
  slots()[place].store(added, std::memory_order_release);
  ++count_;
  newest_number_ = std::max(newest_number_, number);
  return *added;
}

} // namespace tally::actors
