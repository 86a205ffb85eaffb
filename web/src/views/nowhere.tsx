import { Heading } from '../parts/section';

/** An address that leads nowhere. */
export function NowhereView({ path }: { path: string }) {
  return (
    <Heading title="Not found" lead={<>There is no view “{path}”. The four above are where everything is.</>}>
      Not found
    </Heading>
  );
}
