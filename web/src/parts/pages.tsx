/** A list that comes in pages. */

/** What asks the API for the page that begins at the last of some places. */
export function pageOf(limit: number, name: 'after' | 'before', places: readonly (number | string)[]): string {
  const last = places.at(-1);
  return `?limit=${limit}${last === undefined ? '' : `&${name}=${last}`}`;
}

interface PagesProps<Place> {
  /** Where each page that was left began, the last one last. */
  places: Place[];
  next: Place | null;
  onPlaces: (places: Place[]) => void;
}

/** Its buttons. */
export function Pages<Place>({ places, next, onPlaces }: PagesProps<Place>) {
  if (places.length === 0 && next === null) return null;
  return (
    <div class="buttons">
      {places.length > 0 && (
        <button type="button" class="quiet" onClick={() => onPlaces(places.slice(0, -1))}>
          Back
        </button>
      )}
      {next !== null && (
        <button type="button" class="quiet" onClick={() => onPlaces([...places, next])}>
          Next
        </button>
      )}
    </div>
  );
}
