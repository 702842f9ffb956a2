<?php
/**
 * Plugin Name: Comment moderation in place of Akismet
 * Description: Leads what the Akismet plugin asks rest.akismet.com to a comment moderation service of your own.
 * Licence: Apache-2.0
 *
 * A must-use plugin: put this file into wp-content/mu-plugins/ and the address of the service into wp-config.php:
 *
 *     define( 'COMMENT_MODERATION_URL', 'https://moderation.example.org' );
 *
 * The Akismet plugin stays as it is, with the site's compat key as its key. Without the constant this file does nothing.
 */

if ( ! defined( 'ABSPATH' ) ) {
	exit;
}

/**
 * Answer a request that is meant for Akismet with what the service says; let every other request pass.
 *
 * @param false|array|WP_Error $answer What another filter has answered already, else false.
 * @param array                $args   The request.
 * @param string               $url    Where it goes.
 */
function comment_moderation_redirect( $answer, $args, $url ) {
	if ( false !== $answer || ! defined( 'COMMENT_MODERATION_URL' ) || ! COMMENT_MODERATION_URL ) {
		return $answer;
	}
	$parts = wp_parse_url( $url );
	$host  = isset( $parts['host'] ) ? strtolower( $parts['host'] ) : '';
	if ( ! preg_match( '/^(?:([0-9a-f]{12})\.)?rest\.akismet\.com$/', $host, $found ) ) {
		return $answer;
	}
	// Older versions of the plugin carry the key in the host's name only.
	if ( ! empty( $found[1] ) && isset( $args['body'] ) ) {
		if ( is_array( $args['body'] ) && empty( $args['body']['api_key'] ) ) {
			$args['body']['api_key'] = $found[1];
		} elseif ( is_string( $args['body'] ) && false === strpos( $args['body'], 'api_key=' ) ) {
			$args['body'] .= '&api_key=' . $found[1];
		}
	}
	// The plugin names Akismet's host in a header of its own; a proxy before the service would not know it.
	if ( isset( $args['headers'] ) && is_array( $args['headers'] ) ) {
		foreach ( array_keys( $args['headers'] ) as $name ) {
			if ( 'host' === strtolower( $name ) ) {
				unset( $args['headers'][ $name ] );
			}
		}
	}
	// The service may well have a private address.
	$args['reject_unsafe_urls'] = false;
	$path  = isset( $parts['path'] ) ? $parts['path'] : '/';
	$query = isset( $parts['query'] ) ? '?' . $parts['query'] : '';
	return wp_remote_request( rtrim( COMMENT_MODERATION_URL, '/' ) . $path . $query, $args );
}

add_filter( 'pre_http_request', 'comment_moderation_redirect', 10, 3 );
