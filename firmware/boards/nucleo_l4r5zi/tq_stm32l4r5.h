/* Registers of the STM32L4R5 (RM0432) that more than one file here uses. */
#ifndef TQ_STM32L4R5_H
#define TQ_STM32L4R5_H

/* Reset and clock control (RM0432, RCC registers). */
#define RCC_CR 0x40021000u
#define RCC_CFGR 0x40021008u
#define RCC_PLLCFGR 0x4002100Cu
#define RCC_AHB2ENR 0x4002104Cu
#define RCC_APB1ENR1 0x40021058u
#define RCC_APB1ENR2 0x4002105Cu
#define RCC_CCIPR 0x40021088u

/* Power control (RM0432, PWR registers). */
#define PWR_CR2 0x40007004u
#define PWR_SR2 0x40007014u
#define PWR_CR5 0x40007080u

/* Flash interface (RM0432, FLASH registers). */
#define FLASH_ACR 0x40022000u
#define FLASH_OPTR 0x40022020u

#define TQ_HSI16_HZ 16000000u
#define TQ_CORE_HZ 120000000u

#endif /* TQ_STM32L4R5_H */
