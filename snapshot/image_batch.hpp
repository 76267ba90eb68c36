// Images of accounts on their way from a shard to the store: encoded by the shard in a slice of its time, written by somebody else.
#pragma once

#include "engine/account.hpp"
#include "engine/account_spill.hpp"
#include "engine/spilled_lots.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tally::snapshot {

// The key of an account's image: the merchant's number, big endian, and the account's id.
std::string image_key(merchant_number merchant, std::string_view account);
// Of such a key, which is longer than `key_merchant_bytes`.
inline constexpr std::size_t key_merchant_bytes = 4;
merchant_number merchant_of_key(std::string_view key);
std::string_view account_of_key(std::string_view key);

class image_batch {
public:
  struct image {
    std::string_view key;
    std::string_view value;
    instant due; // when something falls due for the account by itself; end_of_time: nothing will
  };

  void add(merchant_number merchant, std::string_view account, const account_state& state);
  // What the account spills; to be forgotten by its state once the batch is stored.
  void add_spilled(seq_t enrolled, const spilled_record& record);
  void add_lots(seq_t enrolled, const spilled_lots& piece);

  std::size_t count() const { return places_.size(); } // of images
  std::size_t bytes() const { return bytes_.size() + spilled_.size() * sizeof(spilled) + lot_bytes_; }
  // Everything that the images show is on disk once this entry is.
  seq_t newest() const { return newest_; }
  // Valid until the next `add`.
  image at(std::size_t index) const;
  struct spilled {
    seq_t enrolled; // whose it is: no two accounts were enrolled by one entry
    spilled_record record;
  };
  std::span<const spilled> all_spilled() const { return spilled_; }
  struct lots {
    seq_t enrolled;       // whose they are
    std::uint32_t number; // of the piece
    std::string value;
  };
  std::span<const lots> all_lots() const { return lots_; }

private:
  struct place {
    std::size_t begin;
    std::size_t key_bytes, value_bytes;
    instant due;
  };

  std::string bytes_;
  std::vector<place> places_;
  std::vector<spilled> spilled_;
  std::vector<lots> lots_;
  std::size_t lot_bytes_ = 0;
  seq_t newest_;
};

// The state that an image's value holds, read over an account that has nothing yet. False: these bytes are no image.
[[nodiscard]] bool decode_image(std::string_view value, account_state& state);

// The lots that a piece's value holds. False: these bytes are not it.
[[nodiscard]] bool decode_lots(std::string_view value, const lot_piece& piece, std::vector<lot>& lots);

// What tells an image from others without reading all of it.
struct image_note {
  seq_t last_seq;             // the account's last entry in it
  std::uint64_t checksum = 0; // of its bytes
};
// Of an image's value; nullopt: its bytes are not what they were.
std::optional<image_note> read_note(std::string_view value);
// The checksum that an image of this state has.
std::uint64_t image_checksum(const account_state& state);

} // namespace tally::snapshot
