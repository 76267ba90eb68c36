#include "net/cli_audit_images.hpp"

#include "engine/account_spill.hpp"
#include "engine/hash.hpp"
#include "snapshot/image_store.hpp"
#include "wal/table_file.hpp"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <thread>

namespace tally::net {

namespace {

constexpr int open_tries_max = 20; // a server beside may delete a file that was listed a moment before
constexpr std::size_t ranges_max = 64;

// Images are read range by range, in the order of their keys, when the first account of a range is asked for: ten times as fast as one at
// a time as they come up, and by as many threads as ask.
class audited_images final : public wal::image_source {
public:
  explicit audited_images(std::unique_ptr<snapshot::image_store> store)
      : store_(std::move(store)), limits_(store_->range_limits(ranges_max)) {
    ranges_.resize(limits_.size() + 1);
  }

  result<mark> mark_of(merchant_number merchant, std::string_view account) override {
    const std::string key = snapshot::image_key(merchant, account);
    const auto place = static_cast<std::size_t>(std::ranges::upper_bound(limits_, key) - limits_.begin());
    range& own = ranges_[place];
    std::call_once(own.read, [&] { read(place); });
    if (!own.is_whole)
      return mark_on_disk(merchant, account);
    const auto found = own.marks.find(hash64(key));
    if (found == own.marks.end())
      return mark{};
    own.asked.fetch_add(1, std::memory_order_relaxed);
    return found->second;
  }

  std::uint64_t checksum_of(const account_state& state) const override { return snapshot::image_checksum(state); }

  result<std::string> fingerprint_of(merchant_number merchant, std::string_view account) override {
    account_state state;
    const result<bool> read = store_->read(merchant, account, state);
    if (!read)
      return read.error();
    if (!*read)
      return std::string();
    if (state.has_spilled)
      if (result<void> whole = take_back(state); !whole)
        return whole.error();
    if (state.has_spilled_lots)
      if (result<void> whole = take_lots_back(state); !whole)
        return whole.error();
    return fingerprint(state);
  }

  result<void> for_each(const visitor& visit) override {
    for (std::size_t place = 0; place < ranges_.size(); ++place) {
      const range& one = ranges_[place];
      if (one.is_whole && one.asked.load(std::memory_order_relaxed) == one.marks.size())
        continue;
      const auto tell = [&](std::string_view key, const snapshot::image_note&) {
        visit(snapshot::merchant_of_key(key), snapshot::account_of_key(key));
        return true;
      };
      if (result<void> read = for_each_note(place, tell); !read)
        return read;
    }
    return {};
  }

private:
  struct range {
    std::once_flag read;
    bool is_whole = false;                          // `marks` has all of them
    absl::flat_hash_map<std::uint64_t, mark> marks; // by hash of the key
    std::atomic<std::uint64_t> asked{0};            // how many of them were
  };

  result<void> for_each_note(std::size_t place, const snapshot::image_store::note_visitor& visit) const {
    return store_->for_each_note(place == 0 ? std::string_view() : limits_[place - 1],
                                 place == limits_.size() ? std::string_view() : limits_[place], visit);
  }

  // What does not read, or two keys of one hash, leave it to `mark_on_disk`.
  void read(std::size_t place) {
    range& own = ranges_[place];
    bool is_whole = true;
    const auto note = [&](std::string_view key, const snapshot::image_note& one) {
      is_whole = own.marks.try_emplace(hash64(key), mark{one.last_seq, one.checksum}).second;
      return is_whole;
    };
    own.is_whole = for_each_note(place, note).ok() && is_whole;
  }

  result<mark> mark_on_disk(merchant_number merchant, std::string_view account) const {
    account_state state;
    const result<bool> read = store_->read(merchant, account, state);
    if (!read)
      return read.error();
    return mark{*read ? state.last_seq : seq_t{}};
  }

  result<void> take_back(account_state& state) const {
    std::vector<spilled_record> records;
    const auto keep = [&](const spilled_record& each) {
      records.push_back(each);
      return false;
    };
    if (result<void> read = store_->for_each_spilled(state.enrolled_seq, keep); !read)
      return read;
    if (!take_back_spilled(state, records))
      return failure{failure_code::corrupt, "of what it has spilled some is missing"};
    return {};
  }

  result<void> take_lots_back(account_state& state) const {
    std::vector<spilled_lots> pieces;
    for (const lot_piece& each : lot_pieces(state)) {
      result<std::vector<lot>> lots = store_->read_lots(state.enrolled_seq, each);
      if (!lots)
        return lots.error();
      pieces.push_back({each, std::move(*lots)});
    }
    if (!take_back_lots(state, pieces))
      return failure{failure_code::corrupt, "of its lots some are in two places"};
    return {};
  }

  const std::unique_ptr<snapshot::image_store> store_;
  const std::vector<std::string> limits_; // each but the first range begins with one
  std::deque<range> ranges_;
};

} // namespace

result<std::unique_ptr<wal::image_source>> open_audited_images(const std::filesystem::path& data_folder) {
  const std::filesystem::path folder = data_folder / "images";
  const auto open = [&]() -> result<std::unique_ptr<snapshot::image_store>> {
    if (const result<void> sound = wal::check_tables(folder); !sound) // RocksDB would end the process over them
      return failure{sound.error().code, "account images: " + sound.error().what};
    return snapshot::image_store::open({.folder = folder, .read_only = true});
  };
  for (int tries = 1;; ++tries) {
    auto opened = open();
    if (opened)
      return std::unique_ptr<wal::image_source>(std::make_unique<audited_images>(std::move(*opened)));
    if (opened.error().code == failure_code::missing)
      return std::unique_ptr<wal::image_source>();
    if (tries == open_tries_max)
      return opened.error();
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
  }
}

} // namespace tally::net
