/** MERIDIAN_TEST_SECURITY=plain runs every cluster that does not say itself without TLS. */
export const isUsuallySecured = process.env['MERIDIAN_TEST_SECURITY'] !== 'plain';
