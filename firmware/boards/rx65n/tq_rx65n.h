/* Registers of the RX65N (RX65N Group, RX651 Group User's Manual: Hardware) that are shared here.
 */
#ifndef TQ_RX65N_H
#define TQ_RX65N_H

/* Chapter Low Power Consumption: a module runs once its bit is 0. */
#define SYSTEM_MSTPCRA 0x00080010u
#define SYSTEM_MSTPCRB 0x00080014u
#define SYSTEM_MSTPCRC 0x00080018u

/* Chapter Register Write Protection Function: the upper byte is the key. */
#define SYSTEM_PRCR 0x000803FEu
#define PRCR_LOCK 0xA500u
#define PRCR_UNLOCK_CLOCK 0xA501u   /* PRC0 */
#define PRCR_UNLOCK_MODULES 0xA502u /* PRC1 */

#define TQ_HOCO_HZ 20000000u
#define TQ_PLL_HZ 240000000u
#define TQ_CORE_HZ 120000000u /* ICLK, and PCLKA with it */
#define TQ_PCLKB_HZ 60000000u

#endif /* TQ_RX65N_H */
