/*
 * A plug-in of QEMU that profiles the first call of one function, tq_invoke: how often each
 * straight run of instructions was executed in each operator, how often a branch left it, and what
 * missed the caches in front of the flash. It runs on the host, in QEMU's process, and ends QEMU
 * when the function returns. pytest_tinyquant/boards/emulator/profile.py starts it and reads what
 * it writes.
 *
 * An operator begins whenever the profiled function calls out of its own code.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tq_qemu_plugin.h"

/* What happened in one straight run of instructions while one operator ran. */
typedef struct counts {
  struct counts *next;
  int32_t op; /* -1: in the profiled function itself */
  uint64_t runs;
  uint64_t exits;            /* left by a branch, not to the next instruction */
  uint64_t unaligned_exits;  /* of them, those to a 32-bit instruction across two words */
  uint64_t fetch_misses;     /* of the instruction cache */
  uint64_t data_misses;      /* of the data cache, by loads */
  uint64_t unaligned_access; /* additional bus transfers of loads and stores */
} counts;

typedef struct block {
  struct block *next;
  uint32_t start, end, instructions;
  counts *by_op;   /* every operator that it ran in */
  counts *current; /* of by_op, the one that ran last */
} block;

typedef struct cache {
  uint32_t lines; /* 0: no cache, every access misses unless it is to the chunk before */
  uint32_t *tag;
  uint32_t *valid; /* by line, a bit for each chunk of it */
  uint64_t *used;
  uint64_t now;
  uint32_t last_chunk; /* what the bus delivered last */
} cache;

enum { HASH_SIZE = 65536 };

static block *blocks[HASH_SIZE];
static cache fetches, loads;

/* From the command line; see OPTIONS. */
static uint32_t enter, leave, after, flash_start, flash_bytes, line_bytes, chunk_bytes;
static uint32_t fetch_lines, load_lines;
static const char *out;
static const char *code_file;

static uint8_t *code; /* the flash's content from flash_start on */
static long code_bytes;

static bool active;
static bool inside; /* in the code of the profiled function itself */
static int32_t op = -1;
static counts *last_counts;
static uint32_t last_end;

static void fail(const char *what) {
  fprintf(stderr, "tinyquant profile: %s\n", what);
  _Exit(3);
}

static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (memory == NULL) {
    fail("out of memory");
  }
  return memory;
}

static void start_cache(cache *c, uint32_t lines) {
  c->lines = lines;
  c->tag = allocate(lines + 1, sizeof *c->tag);
  c->valid = allocate(lines + 1, sizeof *c->valid);
  c->used = allocate(lines + 1, sizeof *c->used);
  c->last_chunk = UINT32_MAX;
}

/*
 * Returns 1 if the chunk that holds `address` has to be read from the flash, else 0. Lines are
 * replaced least recently used first; the chunks of a line are read one by one.
 */
static uint64_t missed(cache *c, uint32_t address) {
  if (c->lines == 0) {
    uint32_t chunk = address / chunk_bytes;
    uint64_t again = chunk == c->last_chunk;
    c->last_chunk = chunk;
    return !again;
  }
  uint32_t tag = address / line_bytes;
  uint32_t bit = 1u << (address % line_bytes / chunk_bytes);
  uint32_t victim = 0;
  c->now++;
  for (uint32_t i = 0; i < c->lines; i++) {
    if (c->valid[i] != 0 && c->tag[i] == tag) {
      uint64_t miss = (c->valid[i] & bit) == 0;
      c->used[i] = c->now;
      c->valid[i] |= bit;
      return miss;
    }
    if (c->used[i] < c->used[victim]) {
      victim = i;
    }
  }
  c->tag[victim] = tag;
  c->valid[victim] = bit;
  c->used[victim] = c->now;
  return 1;
}

static bool in_flash(uint32_t address) { return address - flash_start < flash_bytes; }

/* Whether the instruction at `address` is 32 bits wide; what is not in the flash counts as not. */
static bool is_wide(uint32_t address) {
  uint32_t offset = address - flash_start;
  return (long)offset + 1 < code_bytes && code[offset + 1] >> 3 >= 0x1D;
}

static counts *counts_of(block *b) {
  int32_t now = inside ? -1 : op;
  if (b->current != NULL && b->current->op == now) {
    return b->current;
  }
  counts *c = b->by_op;
  while (c != NULL && c->op != now) {
    c = c->next;
  }
  if (c == NULL) {
    c = allocate(1, sizeof *c);
    c->op = now;
    c->next = b->by_op;
    b->by_op = c;
  }
  b->current = c;
  return c;
}

static void write_profile(void) {
  FILE *file = fopen(out, "w");
  if (file == NULL) {
    fail("cannot write the profile");
  }
  for (int slot = 0; slot < HASH_SIZE; slot++) {
    for (const block *b = blocks[slot]; b != NULL; b = b->next) {
      for (const counts *c = b->by_op; c != NULL; c = c->next) {
        fprintf(file,
                "%" PRId32 " %" PRIu32 " %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
                " %" PRIu64 " %" PRIu64 "\n",
                c->op, b->start, b->instructions, c->runs, c->exits, c->unaligned_exits,
                c->fetch_misses, c->data_misses, c->unaligned_access);
      }
    }
  }
  if (fprintf(file, "end\n") < 0 || fclose(file) != 0) {
    fail("cannot write the profile");
  }
}

static void on_block(unsigned cpu, void *data) {
  (void)cpu;
  block *b = data;
  if (!active) {
    if (b->start != enter) {
      return;
    }
    active = true;
  } else if (b->start == after) {
    write_profile();
    _Exit(0);
  }
  bool now_inside = b->start >= enter && b->start < leave;
  if (inside && !now_inside) {
    op++;
  }
  inside = now_inside;
  if (last_counts != NULL && last_end != b->start) {
    last_counts->exits++;
    last_counts->unaligned_exits += (b->start & 2u) != 0 && is_wide(b->start);
  }
  counts *c = counts_of(b);
  c->runs++;
  if (in_flash(b->start)) {
    for (uint32_t a = b->start / chunk_bytes * chunk_bytes; a < b->end; a += chunk_bytes) {
      c->fetch_misses += missed(&fetches, a);
    }
  }
  last_counts = c;
  last_end = b->end;
}

static void on_access(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t address, void *data) {
  (void)cpu;
  if (!active) {
    return;
  }
  counts *c = counts_of(data);
  uint32_t size = 1u << qemu_plugin_mem_size_shift(info), at = (uint32_t)address;
  if (at % size != 0) {
    /* A word at an odd address takes three transfers, everything else two. */
    c->unaligned_access += size == 4 && (at & 1u) != 0 ? 2 : 1;
  }
  if (!qemu_plugin_mem_is_store(info) && in_flash(at)) {
    c->data_misses += missed(&loads, at);
    if (at / chunk_bytes != (at + size - 1) / chunk_bytes) {
      c->data_misses += missed(&loads, at + size - 1);
    }
  }
}

static block *block_at(uint32_t start, uint32_t instructions) {
  block **slot = &blocks[(start >> 1 ^ instructions << 11) % HASH_SIZE];
  for (block *b = *slot; b != NULL; b = b->next) {
    if (b->start == start && b->instructions == instructions) {
      return b;
    }
  }
  block *b = allocate(1, sizeof *b);
  b->start = start;
  b->instructions = instructions;
  b->next = *slot;
  *slot = b;
  return b;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
  (void)id;
  uint32_t count = (uint32_t)qemu_plugin_tb_n_insns(tb);
  block *b = block_at((uint32_t)qemu_plugin_tb_vaddr(tb), count);
  struct qemu_plugin_insn *instruction = NULL;
  for (uint32_t i = 0; i < count; i++) {
    instruction = qemu_plugin_tb_get_insn(tb, i);
    /* QEMU 7.2 takes a request for reads as one for writes; both together are what they say. */
    qemu_plugin_register_vcpu_mem_cb(instruction, on_access, QEMU_PLUGIN_CB_NO_REGS,
                                     QEMU_PLUGIN_MEM_RW, b);
  }
  uint32_t last = (uint32_t)qemu_plugin_insn_vaddr(instruction);
  /* From the code: at the end of a page QEMU 7.2 tells a size that is more than the last one's. */
  b->end = last + (is_wide(last) ? 4 : 2);
  qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_NO_REGS, b);
}

static void read_code(void) {
  FILE *file = fopen(code_file, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (code_bytes = ftell(file)) < 0) {
    fail("cannot read the code");
  }
  rewind(file);
  code = allocate((size_t)code_bytes + 1, 1);
  if (fread(code, 1, (size_t)code_bytes, file) != (size_t)code_bytes) {
    fail("cannot read the code");
  }
  fclose(file);
}

static const struct {
  const char *name;
  uint32_t *number;
  const char **text;
} OPTIONS[] = {
    {"out", NULL, &out},                 /* file to write the profile to */
    {"code", NULL, &code_file},          /* file with the flash's content */
    {"enter", &enter, NULL},             /* first address of the profiled function */
    {"leave", &leave, NULL},             /* end of it */
    {"after", &after, NULL},             /* where its first caller goes on */
    {"flash", &flash_start, NULL},       /* first address of the flash */
    {"bytes", &flash_bytes, NULL},       /* size of the flash */
    {"line", &line_bytes, NULL},         /* bytes of a cache line */
    {"chunk", &chunk_bytes, NULL},       /* bytes that one read of the flash delivers */
    {"fetch_lines", &fetch_lines, NULL}, /* lines of the instruction cache; 0: there is none */
    {"load_lines", &load_lines, NULL},   /* lines of the data cache; 0: there is none */
};

static bool set_option(char *argument) {
  char *value = strchr(argument, '=');
  if (value == NULL) {
    return false;
  }
  *value++ = '\0';
  for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++) {
    if (strcmp(argument, OPTIONS[i].name) == 0) {
      if (OPTIONS[i].text != NULL) {
        *OPTIONS[i].text = strdup(value);
      } else {
        *OPTIONS[i].number = (uint32_t)strtoul(value, NULL, 0);
      }
      return true;
    }
  }
  return false;
}

/* QEMU looks for these two by name. */
__attribute__((visibility("default"))) extern int qemu_plugin_version;
__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id,
                                                               const struct qemu_info_t *info,
                                                               int argc, char **argv);

int qemu_plugin_version = TQ_QEMU_PLUGIN_VERSION;

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argc,
                        char **argv) {
  (void)info;
  for (int i = 0; i < argc; i++) {
    if (!set_option(argv[i])) {
      fprintf(stderr, "tinyquant profile: unknown option %s\n", argv[i]);
      return -1;
    }
  }
  if (out == NULL || code_file == NULL || line_bytes == 0 || chunk_bytes == 0) {
    fprintf(stderr, "tinyquant profile: an option is missing\n");
    return -1;
  }
  read_code();
  start_cache(&fetches, fetch_lines);
  start_cache(&loads, load_lines);
  qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
  return 0;
}
