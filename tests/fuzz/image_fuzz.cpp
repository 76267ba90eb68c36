// Bytes of an account's image: whatever they are, reading ends and reads nothing past them; what is read can be written, and reads as the
// same again.
#include "engine/account_image.hpp"

#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tally;
  account_state state;
  if (!read_image({reinterpret_cast<const char*>(data), size}, state))
    return 0;
  std::string image, image_again;
  write_image(state, image);
  account_state again;
  TALLY_ASSERT(read_image(image, again), static_cast<long long>(image.size()));
  write_image(again, image_again);
  TALLY_ASSERT(image == image_again, static_cast<long long>(image.size()));
  return 0;
}
