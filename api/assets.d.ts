/** Imported `with { type: "file" }`: the import is the file's path. */
declare module "swagger-ui-dist/*" {
  const path: string;
  export default path;
}
