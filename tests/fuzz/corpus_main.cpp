// Runs a fuzz target without libFuzzer: over every file of its corpus, and over seeded changes of each (bits flipped, cut
// short, pieces doubled). So the targets run in every build and with every compiler; finding new inputs is the fuzz preset's.
// usage: <name>_fuzz CORPUS_FOLDER [ROUNDS [SEED]]
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using input = std::vector<std::uint8_t>;

input read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// One to four small changes, chosen by `random` alone.
input changed(input bytes, std::mt19937_64& random) {
  const auto below = [&random](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
  for (std::size_t changes = 1 + below(4); changes > 0 && !bytes.empty(); --changes) {
    const std::size_t at = below(bytes.size());
    const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(5)) {
    case 0:
      *place = static_cast<std::uint8_t>(*place ^ (1u << below(8)));
      break;
    case 1:
      *place = static_cast<std::uint8_t>(random());
      break;
    case 2:
      bytes.erase(place, bytes.end());
      break;
    case 3:
      bytes.insert(place, 1 + below(16), static_cast<std::uint8_t>(random()));
      break;
    default: { // a piece twice
      const input piece(place, place + static_cast<std::ptrdiff_t>(std::min<std::size_t>(bytes.size() - at, 1 + below(64))));
      bytes.insert(bytes.end(), piece.begin(), piece.end());
    }
    }
  }
  return bytes;
}

} // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: " << argv[0] << " CORPUS_FOLDER [ROUNDS [SEED]]\n";
    return 2;
  }
  const unsigned long rounds = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 20000;
  const unsigned long seed = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 1;

  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(argv[1]))
    files.push_back(file.path());
  std::sort(files.begin(), files.end());
  if (files.empty()) {
    std::cerr << argv[1] << " holds no inputs: this run would prove nothing\n";
    return 1;
  }

  std::cout << files.size() << " inputs, " << rounds << " changes of each, seed " << seed << std::endl;
  std::mt19937_64 random(seed);
  for (const auto& file : files) {
    const input bytes = read_file(file);
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
    for (unsigned long round = 0; round < rounds; ++round) {
      // A copy of its exact size, so that an address sanitizer sees a read past its end.
      const input other = changed(bytes, random);
      LLVMFuzzerTestOneInput(other.data(), other.size());
    }
  }
}
