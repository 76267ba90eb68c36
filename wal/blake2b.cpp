#include "wal/blake2b.hpp"

#include <openssl/evp.h>

#include <cstring>

namespace tally::wal {
namespace {

// Made once a thread: fetching the algorithm costs more than hashing a small block.
class hasher {
public:
  hasher() : algorithm_(EVP_MD_fetch(nullptr, "BLAKE2B-512", nullptr)), context_(EVP_MD_CTX_new()) {
    TALLY_ASSERT(algorithm_ != nullptr && context_ != nullptr);
    TALLY_ASSERT(EVP_DigestInit_ex2(context_, algorithm_, nullptr) == 1);
  }
  ~hasher() {
    EVP_MD_CTX_free(context_);
    EVP_MD_free(algorithm_);
  }
  hasher(const hasher&) = delete;
  hasher& operator=(const hasher&) = delete;

  block_hash of(std::span<const std::byte> head, std::span<const std::byte> rest) {
    unsigned char digest[EVP_MAX_MD_SIZE];
    bool done = EVP_DigestInit_ex2(context_, nullptr, nullptr) == 1;
    done = done && EVP_DigestUpdate(context_, head.data(), head.size()) == 1;
    done = done && EVP_DigestUpdate(context_, rest.data(), rest.size()) == 1;
    done = done && EVP_DigestFinal_ex(context_, digest, nullptr) == 1;
    TALLY_ASSERT(done);
    block_hash hash;
    std::memcpy(hash.data(), digest, hash.size());
    return hash;
  }

private:
  EVP_MD* algorithm_;
  EVP_MD_CTX* context_;
};

} // namespace

block_hash blake2b_32(std::span<const std::byte> head, std::span<const std::byte> rest) {
  thread_local hasher own;
  return own.of(head, rest);
}

struct blake2b_stream::context {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> state{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

blake2b_stream::blake2b_stream() : context_(std::make_unique<context>()) {
  const std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> algorithm(EVP_MD_fetch(nullptr, "BLAKE2B-512", nullptr), &EVP_MD_free);
  TALLY_ASSERT(algorithm != nullptr && context_->state != nullptr);
  TALLY_ASSERT(EVP_DigestInit_ex2(context_->state.get(), algorithm.get(), nullptr) == 1);
}

blake2b_stream::~blake2b_stream() = default;

void blake2b_stream::add(std::span<const std::byte> piece) {
  TALLY_ASSERT(EVP_DigestUpdate(context_->state.get(), piece.data(), piece.size()) == 1);
}

block_hash blake2b_stream::finish() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  TALLY_ASSERT(EVP_DigestFinal_ex(context_->state.get(), digest, nullptr) == 1);
  block_hash hash;
  std::memcpy(hash.data(), digest, hash.size());
  return hash;
}

} // namespace tally::wal
