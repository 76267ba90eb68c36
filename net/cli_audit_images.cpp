#include "net/cli_audit_images.hpp"

#include "engine/account_spill.hpp"
#include "engine/hash.hpp"
#include "snapshot/image_store.hpp"

#include <chrono>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace tally::net {

namespace {

constexpr int open_tries_max = 20; // a server beside may delete a file that was listed a moment before

class audited_images final : public wal::image_source {
public:
  explicit audited_images(std::unique_ptr<snapshot::image_store> store) : store_(std::move(store)) {}

  result<mark> mark_of(merchant_number merchant, std::string_view account) override {
    std::call_once(scanned_, [this] { scan(); });
    if (is_scanned_) {
      const auto found = marks_.find(hash64(snapshot::image_key(merchant, account)));
      return found == marks_.end() ? mark{} : found->second;
    }
    account_state state;
    const result<bool> read = store_->read(merchant, account, state);
    if (!read)
      return read.error();
    return mark{*read ? state.last_seq : seq_t{}};
  }

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
    return fingerprint(state);
  }

  result<void> for_each(const visitor& visit) override {
    return store_->for_each([&](merchant_number merchant, std::string_view account, account_state&) {
      visit(merchant, account);
      return true;
    });
  }

private:
  // Reads all of them in their order, which is ten times as fast as one at a time as they come up. What does not read, or two keys of one
  // hash, leave it to the latter.
  void scan() {
    is_scanned_ = true;
    const auto note = [this](merchant_number merchant, std::string_view account, account_state& state) {
      is_scanned_ = is_scanned_ && (!state.has_spilled || take_back(state).ok());
      if (is_scanned_)
        is_scanned_ =
            marks_.try_emplace(hash64(snapshot::image_key(merchant, account)), mark{state.last_seq, hash64(fingerprint(state))}).second;
      return is_scanned_;
    };
    is_scanned_ = store_->for_each(note).ok() && is_scanned_;
    if (!is_scanned_)
      marks_.clear();
  }

  result<void> take_back(account_state& state) const {
    std::vector<spilled_record> records;
    const auto keep = [&](const spilled_record& each) {
      if (!is_still_in_memory(state, each))
        records.push_back(each);
      return false;
    };
    if (result<void> read = store_->for_each_spilled(state.enrolled_seq, keep); !read)
      return read;
    if (!can_take_back(state, records))
      return failure{failure_code::corrupt, "of what it has spilled some is missing"};
    take_back_spilled(state, records);
    return {};
  }

  const std::unique_ptr<snapshot::image_store> store_;
  std::once_flag scanned_;
  bool is_scanned_ = false;                       // `marks_` has all of them
  std::unordered_map<std::uint64_t, mark> marks_; // by hash of the image's key
};

} // namespace

result<std::unique_ptr<wal::image_source>> open_audited_images(const std::filesystem::path& data_folder) {
  for (int tries = 1;; ++tries) {
    auto opened = snapshot::image_store::open({.folder = data_folder / "images", .read_only = true});
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
