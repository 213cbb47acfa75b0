/** What stands behind the 1 that says Err, in the result of a method: `RoamError<E>`. */
export const ROAM_ERROR = { user: 0, unknownMethod: 1, invalidPayload: 2, cancelled: 3 } as const;

/** The results that are no method's: `Err(UnknownMethod)`, `Err(InvalidPayload)`, `Err(Cancelled)`. */
export const REFUSALS = {
  unknownMethod: Uint8Array.of(1, ROAM_ERROR.unknownMethod),
  invalidPayload: Uint8Array.of(1, ROAM_ERROR.invalidPayload),
  cancelled: Uint8Array.of(1, ROAM_ERROR.cancelled),
};
