/** Imported `with { type: "text" }`: the import is the file's content. */
declare module "*.css" {
  const text: string;
  export default text;
}
declare module "*.svg" {
  const text: string;
  export default text;
}
declare module "*.esm.js" {
  const text: string;
  export default text;
}
declare module "*.iife.min.js" {
  const text: string;
  export default text;
}
declare module "*/overview/draw-charts.js" {
  const text: string;
  export default text;
}
declare module "*/assets/live.js" {
  const text: string;
  export default text;
}
declare module "*/follow.js" {
  const text: string;
  export default text;
}
declare module "*/repair.js" {
  const text: string;
  export default text;
}
