<?php
/**
 * Sends comments through WordPress's own hooks, HTTP API and Akismet plugin, with our must-use plugin between.
 *
 * Arguments: the folder of WordPress, the service, the key, the text of spam. Only the database is imitated: it is empty,
 * and what is written to it is kept in memory. Prints as JSON what the plugin made of each answer.
 */

[ , $wordpress, $service, $key, $spam ] = $argv;

error_reporting( E_ALL & ~E_DEPRECATED );
define( 'ABSPATH', rtrim( $wordpress, '/' ) . '/' );
define( 'WPINC', 'wp-includes' );
define( 'WP_CONTENT_DIR', ABSPATH . 'wp-content' );
define( 'WP_DEBUG', false );
foreach ( array( 'OBJECT', 'ARRAY_A', 'ARRAY_N' ) as $name ) {
	define( $name, $name );
}
define( 'MINUTE_IN_SECONDS', 60 );
define( 'HOUR_IN_SECONDS', 3600 );
define( 'DAY_IN_SECONDS', 86400 );
define( 'WEEK_IN_SECONDS', 604800 );
define( 'COMMENT_MODERATION_URL', $service );

/** An empty database: whatever is asked for is not there, and whatever is written is taken. */
class EmptyDatabase {
	public function __call( $name, $arguments ) {
		return 'get_results' === $name || 'get_col' === $name ? array() : null;
	}
	public function __get( $name ) {
		return 'prefix' === $name ? 'wp_' : '';
	}
}

$GLOBALS['wpdb']       = new EmptyDatabase();
$GLOBALS['wp_version'] = '6.1.9';
$GLOBALS['blog_id']    = 1;
$_SERVER              += array( 'REMOTE_ADDR' => '198.51.100.50', 'HTTP_USER_AGENT' => 'Mozilla/5.0', 'HTTP_REFERER' => 'https://blog.example/', 'REQUEST_URI' => '/wp-comments-post.php' );
$_SERVER['REMOTE_ADDR'] = '198.51.100.50';

foreach ( array(
	'compat', 'load', 'class-wp-list-util', 'plugin', 'class-wp-error', 'functions', 'formatting', 'kses', 'l10n', 'pomo/mo', 'option', 'cache',
	'class-wp-object-cache', 'meta', 'class-wp-meta-query', 'class-wp-post-type', 'class-wp-post', 'post', 'user', 'class-wp-user', 'capabilities', 'class-wp-roles', 'class-wp-role', 'link-template', 'general-template',
	'cron', 'http', 'class-wp-http', 'class-wp-http-streams', 'class-wp-http-curl', 'class-wp-http-proxy', 'class-wp-http-cookie', 'class-wp-http-encoding',
	'class-wp-http-response', 'class-wp-http-requests-response', 'class-wp-http-requests-hooks', 'pluggable', 'class-wp-comment', 'comment',
) as $file ) {
	require_once ABSPATH . WPINC . "/$file.php";
}

$options = array( 'home' => 'https://blog.example', 'siteurl' => 'https://blog.example', 'blog_charset' => 'UTF-8', 'wordpress_api_key' => $key, 'akismet_strictness' => '0' );
add_filter( 'pre_option', function ( $value, $name ) use ( &$options ) {
	return isset( $options[ $name ] ) ? $options[ $name ] : '';
}, 10, 2 );
wp_cache_init();

require WP_CONTENT_DIR . '/plugins/akismet/class.akismet.php';
define( 'AKISMET_VERSION', '5.0.2' );
require dirname( __DIR__, 3 ) . '/deploy/wordpress/comment-moderation.php';

/** What the plugin makes of a comment. */
function made_of( $content, $author ) {
	$comment = array(
		'comment_post_ID' => 0, 'comment_author' => $author, 'comment_author_email' => 'reader@posteo.net', 'comment_author_url' => '',
		'comment_content' => wp_slash( $content ), 'comment_type' => 'comment', 'comment_parent' => 0, 'user_ID' => 0,
	);
	$checked = Akismet::auto_check_comment( $comment );
	return array( 'result' => $checked['akismet_result'], 'tip' => isset( $checked['akismet_pro_tip'] ) ? $checked['akismet_pro_tip'] : '' );
}

$out = array(
	'key'      => Akismet::verify_key( $key ),
	'other'    => Akismet::verify_key( 'ffffffffffff' ),
	'fine'     => made_of( "Last week's \"night buses\" were on time, from WordPress", 'Ann' ),
	'spam'     => made_of( $spam, 'Best casino' ),
	'reported' => Akismet::http_post( Akismet::build_query( array( 'blog' => 'https://blog.example', 'user_ip' => '198.51.100.50', 'comment_author' => 'Ann', 'comment_author_email' => 'reader@posteo.net', 'comment_content' => "Last week's \"night buses\" were on time, from WordPress" ) ), 'submit-spam' )[1],
	'account'  => Akismet::http_post( Akismet::build_query( array( 'key' => $key, 'blog' => 'https://blog.example' ) ), 'get-subscription' )[1],
	'elsewhere' => is_wp_error( wp_remote_get( 'http://127.0.0.1:9/', array( 'timeout' => 1 ) ) ),
);
echo json_encode( $out );
