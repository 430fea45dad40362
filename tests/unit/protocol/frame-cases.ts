import type { FrameCase } from './frame-bounds.js';
import { ABOUT_CHOICES } from './frames-about-choices.js';
import { FROM_COORDINATOR } from './frames-from-coordinator.js';
import { TO_COORDINATOR } from './frames-to-coordinator.js';

/** One case for each frame, and for each alternative of a frame that has some; named `<export>` or `<export>.<kind>`. */
export const FRAMES: Readonly<Record<string, FrameCase>> = { ...TO_COORDINATOR, ...FROM_COORDINATOR, ...ABOUT_CHOICES };
