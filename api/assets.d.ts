/** Files that are imported `with { type: "file" }`: the import is their path. */
declare module "swagger-ui-dist/*" {
  const path: string;
  export default path;
}
