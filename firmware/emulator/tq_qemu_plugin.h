/*
 * The part of QEMU's interface for TCG plug-ins that profile.c uses, declared here because Debian
 * does not package QEMU's own header. The functions are in the emulator, which resolves them when
 * it loads the plug-in; names, types and values are those of version 1 of the interface.
 */
#ifndef TQ_QEMU_PLUGIN_H
#define TQ_QEMU_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TQ_QEMU_PLUGIN_VERSION = 1 };

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;

struct qemu_plugin_tb;   /* a translated block: a straight run of instructions */
struct qemu_plugin_insn; /* one instruction of it */

/* The plug-in reads nothing of what QEMU tells about itself. */
struct qemu_info_t;

/* What a call-back may do with registers, and which accesses it is called for. */
enum { QEMU_PLUGIN_CB_NO_REGS = 0 };
enum { QEMU_PLUGIN_MEM_RW = 3 };

typedef void (*tq_translation_function)(qemu_plugin_id_t id, struct qemu_plugin_tb *block);
typedef void (*tq_block_function)(unsigned cpu, void *data);
typedef void (*tq_access_function)(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t address,
                                   void *data);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id, tq_translation_function function);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *block, tq_block_function function,
                                          int registers, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *instruction,
                                      tq_access_function function, int registers, int accesses,
                                      void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
unsigned qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t info);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t info);

#endif /* TQ_QEMU_PLUGIN_H */
