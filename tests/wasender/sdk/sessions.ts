// The guide imports types alone from here.
export {};
