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
 *
 * What the service holds for its moderators is not published here either. So that WordPress hears what they decide, make
 * a webhook to /wp-json/comment-moderation/v1/events of this site and write its secret beside the address:
 *
 *     define( 'COMMENT_MODERATION_SECRET', 'whsec_...' );
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
	// Where the service itself is reached under this name, there is nothing to lead.
	if ( strtolower( (string) wp_parse_url( COMMENT_MODERATION_URL, PHP_URL_HOST ) ) === $host ) {
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

/**
 * Remember where the comment that was just checked stands at the service.
 *
 * @param array $response Headers and body of the answer.
 */
function comment_moderation_remember( $response ) {
	global $comment_moderation_last;
	$headers                 = isset( $response[0] ) ? $response[0] : array();
	$comment_moderation_last = array(
		'id'     => isset( $headers['x-moderation-id'] ) ? (string) $headers['x-moderation-id'] : '',
		'status' => isset( $headers['x-moderation-status'] ) ? (string) $headers['x-moderation-status'] : '',
	);
}

/**
 * Say whether the comment under way waits for a moderator of the service. What our own moderators write never waits.
 */
function comment_moderation_waits() {
	global $comment_moderation_last;
	return ! empty( $comment_moderation_last ) && 'pending' === $comment_moderation_last['status'] && ! current_user_can( 'moderate_comments' );
}

/**
 * Hold what would be published while it waits.
 *
 * @param int|string|WP_Error $approved What WordPress makes of the comment: 1, 0, spam or trash.
 */
function comment_moderation_hold( $approved ) {
	return comment_moderation_waits() && in_array( $approved, array( 1, '1' ), true ) ? 0 : $approved;
}

/**
 * The same for a comment that comes by the REST interface, where WordPress asks before Akismet does.
 *
 * @param array|WP_Error $comment The comment as it will be written.
 */
function comment_moderation_hold_rest( $comment ) {
	if ( is_array( $comment ) && isset( $comment['comment_approved'] ) ) {
		$comment['comment_approved'] = comment_moderation_hold( $comment['comment_approved'] );
	}
	return $comment;
}

/**
 * Keep the name that the service gave to the comment that was just written.
 *
 * @param int $comment_id The comment's number here.
 */
function comment_moderation_keep( $comment_id ) {
	global $comment_moderation_last;
	if ( ! empty( $comment_moderation_last['id'] ) ) {
		add_comment_meta( $comment_id, 'comment_moderation_id', $comment_moderation_last['id'], true );
	}
	$comment_moderation_last = null;
}

/**
 * Say whether an event bears the signature of the service (Standard Webhooks) and is of this moment.
 *
 * @param WP_REST_Request $request The event.
 */
function comment_moderation_signed( $request ) {
	$id     = (string) $request->get_header( 'webhook_id' );
	$time   = (string) $request->get_header( 'webhook_timestamp' );
	$secret = base64_decode( preg_replace( '/^whsec_/', '', COMMENT_MODERATION_SECRET ) );
	$right  = 'v1,' . base64_encode( hash_hmac( 'sha256', "$id.$time." . $request->get_body(), $secret, true ) );
	if ( $secret && abs( time() - (int) $time ) <= 300 ) {
		foreach ( explode( ' ', (string) $request->get_header( 'webhook_signature' ) ) as $one ) {
			if ( hash_equals( $right, $one ) ) {
				return true;
			}
		}
	}
	return new WP_Error( 'comment_moderation_unsigned', 'The signature does not fit, or the clocks differ by more than five minutes.', array( 'status' => 401 ) );
}

/**
 * Give the status that an event asks for, or nothing where it asks for none.
 *
 * A comment is published here only where a moderator said so; what a model finds good later, WordPress asks for itself.
 *
 * @param array $data What the event tells of the comment.
 */
function comment_moderation_status_of( $data ) {
	$status   = isset( $data['status'] ) ? $data['status'] : '';
	$decision = isset( $data['decision'] ) ? $data['decision'] : null;
	if ( 'approved' === $status ) {
		return $decision ? 'approve' : '';
	}
	if ( 'rejected' === $status ) {
		$spam = $decision ? 'spam' === $decision['reason'] : in_array( 'spam', (array) $data['reasons'], true );
		return $spam ? 'spam' : 'trash';
	}
	return 'pending' === $status ? 'hold' : '';
}

/**
 * Do here what a moderator decided there. Events may come twice or late: the highest version counts.
 *
 * @param WP_REST_Request $request The event.
 */
function comment_moderation_event( $request ) {
	$event  = (array) $request->get_json_params() + array( 'type' => '', 'data' => array() );
	$data   = (array) $event['data'] + array( 'id' => '', 'version' => 0, 'reasons' => array() );
	$status = in_array( $event['type'], array( 'comment.approved', 'comment.rejected', 'comment.pending' ), true ) ? comment_moderation_status_of( $data ) : '';
	$known  = $status ? get_comments( array( 'meta_key' => 'comment_moderation_id', 'meta_value' => $data['id'], 'status' => 'any', 'number' => 1 ) ) : array();
	if ( ! $known ) {
		return array( 'changed' => false );
	}
	$comment_id = $known[0]->comment_ID;
	$seen       = (int) get_comment_meta( $comment_id, 'comment_moderation_version', true );
	$there      = array( 'approved' => 'approve', 'unapproved' => 'hold', 'spam' => 'spam', 'trash' => 'trash' );
	if ( (int) $data['version'] <= $seen ) {
		return array( 'changed' => false );
	}
	if ( $there[ wp_get_comment_status( $comment_id ) ] !== $status && true !== wp_set_comment_status( $comment_id, $status, true ) ) {
		return new WP_Error( 'comment_moderation_failed', 'The comment could not be changed.', array( 'status' => 500 ) );
	}
	update_comment_meta( $comment_id, 'comment_moderation_version', (int) $data['version'] );
	return array( 'changed' => true );
}

/**
 * Open the address for events where there is a secret to know them by.
 */
function comment_moderation_routes() {
	if ( defined( 'COMMENT_MODERATION_SECRET' ) && COMMENT_MODERATION_SECRET ) {
		register_rest_route(
			'comment-moderation/v1',
			'/events',
			array( 'methods' => 'POST', 'callback' => 'comment_moderation_event', 'permission_callback' => 'comment_moderation_signed' )
		);
	}
}

add_action( 'akismet_comment_check_response', 'comment_moderation_remember' );
add_filter( 'pre_comment_approved', 'comment_moderation_hold', 20 );
add_filter( 'rest_pre_insert_comment', 'comment_moderation_hold_rest', 20 );
add_action( 'wp_insert_comment', 'comment_moderation_keep' );
add_action( 'rest_api_init', 'comment_moderation_routes' );
