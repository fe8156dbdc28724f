// Written by `bun run contract`: every source in this folder.
export { dummyjson } from "./dummyjson.ts";
export { fakerapi } from "./fakerapi.ts";
export { randomuser } from "./randomuser.ts";
