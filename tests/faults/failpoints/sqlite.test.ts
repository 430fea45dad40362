import { describeCoordinator } from './coordinator.js';

describeCoordinator('sqlite');
