import { describeCoordinator } from './coordinator.js';

describeCoordinator('postgres');
