/** Imported `with { type: "file" }`: the import is the file's path. */
declare module "swagger-ui-dist/*" {
  const path: string;
  export default path;
}

/** Imported `with { type: "text" }`: the import is the file's content. */
declare module "*/page.js" {
  const text: string;
  export default text;
}
declare module "*/page.css" {
  const text: string;
  export default text;
}
