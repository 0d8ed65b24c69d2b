export { WasenderAPIError } from "wasenderapi";
