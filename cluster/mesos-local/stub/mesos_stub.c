/* Stand-ins for the shared libraries that the libmesos of the Python package needs
 * and that a machine with only glibc, libstdc++ and zlib lacks. With them libmesos
 * can be loaded. The parts of Mesos that use these libraries are off in a plain
 * local cluster. A call to a stand-in ends the process with a message that names
 * the function and the library to install.
 *
 * Each stand-in is a separate library, built from this file, so that a stand-in can
 * be left out and the real library is loaded (TLS, CRAM-MD5, the replicated log).
 * The dynamic loader takes a symbol from the first library in the search order that
 * has the symbol, so a stand-in with all symbols would replace the real libraries.
 *
 * Build, once for every row of the table below, with any C compiler:
 *
 *   cc -shared -fPIC -O1 -DMESOS_STUB_<GROUP> -Wl,-soname,<FILE> -o <DIR>/<FILE> mesos_stub.c
 *
 *   GROUP      FILE
 *   PYTHON     libpython2.7.so.1.0
 *   CURL       libcurl.so.4
 *   SVN_DELTA  libsvn_delta-1.so.1
 *   SVN_SUBR   libsvn_subr-1.so.1
 *   APR        libapr-1.so.0
 *   SASL       libsasl2.so.2
 *   SSL        libssl.so.1.0.0
 *   CRYPTO     libcrypto.so.1.0.0
 *
 * The soname matters: the dynamic loader uses a loaded library of that soname for
 * every later library that needs the name. So a program that loads the stand-ins
 * from DIR first (mesos-native's loader does) needs neither LD_LIBRARY_PATH nor
 * LD_PRELOAD. Tasks would inherit these variables, and then use a curl or an OpenSSL
 * that does not work.
 *
 * libpython2.7 is not a dependency of libmesos, which expects the symbols from the
 * Python interpreter. So this stand-in has to be loaded with RTLD_GLOBAL, or by a
 * library that needs both (src/libmesos/loadable.rs).
 *
 * A library without code loads a real library of another name instead of a stand-in:
 * it has the soname of the stand-in and needs the real library, such as
 *
 *   cc -shared -Wl,--no-as-needed -Wl,-soname,libevent-2.0.so.5
 *      -o <DIR>/libevent-2.0.so.5 empty.c -l:libevent_core-2.1.so.7
 *
 * (libevent_core, not libevent: the other libraries of libevent use libevent_core, and
 * timers of one copy are unknown to another.)
 *
 * Not here: libz.so.1, which every Debian, Ubuntu and Fedora has (and the C compiler
 * needs), and libevent 2.0, which runs the event loop of releases before 1.8 and
 * cannot be replaced by functions that do nothing.
 *
 * The lists are the output of `nm -D --undefined-only` for releases 1.4.3 to 1.11.0,
 * without the symbols of other libraries. The few functions that report success are
 * the initializers that Mesos calls even if it does not use the library: apr_* when
 * libmesos is loaded, sasl_*_init and sasl_auxprop_add_plugin when a master starts.
 * A CRAM-MD5 exchange then begins with sasl_server_new().
 */

#include <stdio.h>
#include <stdlib.h>

#define MISSING(function)                                                      \
  void function(void);                                                         \
  void function(void)                                                          \
  {                                                                            \
    fprintf(stderr,                                                            \
            "libmesos called " #function "(), but " STUB_FILE                  \
            " is a stand-in without it. It is needed for: " STUB_USE           \
            ". Install " STUB_INSTALL                                          \
            " and leave the stand-in out.\n");                                 \
    abort();                                                                   \
  }

#define SUCCEEDS(function)                                                     \
  int function(void);                                                          \
  int function(void) { return 0; }

/* Room for the head of any CPython object; only its address is ever taken. */
#define OBJECT(name) void* name[16] = {0};

#if defined(MESOS_STUB_PYTHON)

#define STUB_FILE "libpython2.7.so.1.0"
#define STUB_USE "never called here: the module's Python half was entered, which only a Python interpreter does"
#define STUB_INSTALL "CPython 2.7"

MISSING(PyArg_ParseTuple)
MISSING(PyDict_GetItemString)
MISSING(PyErr_Format)
MISSING(PyErr_Occurred)
MISSING(PyErr_Print)
MISSING(PyEval_InitThreads)
MISSING(PyEval_RestoreThread)
MISSING(PyEval_SaveThread)
OBJECT(PyExc_Exception)
OBJECT(PyExc_TypeError)
MISSING(PyGILState_Ensure)
MISSING(PyGILState_Release)
MISSING(PyImport_ImportModule)
MISSING(PyInt_FromLong)
MISSING(PyIter_Next)
MISSING(PyList_GetItem)
MISSING(PyList_New)
MISSING(PyList_SetItem)
MISSING(PyList_Size)
MISSING(PyModule_AddObject)
MISSING(PyModule_GetDict)
MISSING(PyObject_CallMethod)
MISSING(PyObject_GetIter)
MISSING(PyString_AsStringAndSize)
MISSING(PyType_Ready)
MISSING(Py_InitModule4_64)
OBJECT(_Py_NoneStruct)

#elif defined(MESOS_STUB_CURL)

#define STUB_FILE "libcurl.so.4"
#define STUB_USE "fetching a URI or pulling an image"
#define STUB_INSTALL "libcurl with CURL_OPENSSL_3 symbols"

MISSING(curl_easy_cleanup)
MISSING(curl_easy_getinfo)
MISSING(curl_easy_init)
MISSING(curl_easy_perform)
MISSING(curl_easy_setopt)
MISSING(curl_easy_strerror)
MISSING(curl_global_init)

#elif defined(MESOS_STUB_SVN_DELTA)

#define STUB_FILE "libsvn_delta-1.so.1"
#define STUB_USE "the replicated log; MESOS_REGISTRY=in_memory does without"
#define STUB_INSTALL "libsvn1"

MISSING(svn_txdelta2)
MISSING(svn_txdelta_apply)
MISSING(svn_txdelta_parse_svndiff)
MISSING(svn_txdelta_send_txstream)
MISSING(svn_txdelta_to_svndiff3)

#elif defined(MESOS_STUB_SVN_SUBR)

#define STUB_FILE "libsvn_subr-1.so.1"
#define STUB_USE "the replicated log; MESOS_REGISTRY=in_memory does without"
#define STUB_INSTALL "libsvn1"

MISSING(svn_err_best_message)
MISSING(svn_pool_create_ex)
MISSING(svn_stream_from_string)
MISSING(svn_stream_from_stringbuf)
MISSING(svn_stream_write)
MISSING(svn_stringbuf_create_ensure)

#elif defined(MESOS_STUB_APR)

#define STUB_FILE "libapr-1.so.0"
#define STUB_USE "the replicated log; MESOS_REGISTRY=in_memory does without"
#define STUB_INSTALL "libapr1"

SUCCEEDS(apr_initialize)
SUCCEEDS(apr_pool_destroy)
SUCCEEDS(apr_terminate)

#elif defined(MESOS_STUB_SASL)

#define STUB_FILE "libsasl2.so.2"
#define STUB_USE "CRAM-MD5 authentication of native frameworks and agents"
#define STUB_INSTALL "libsasl2-2"

SUCCEEDS(sasl_auxprop_add_plugin)
SUCCEEDS(sasl_client_init)
MISSING(sasl_client_new)
MISSING(sasl_client_start)
MISSING(sasl_client_step)
MISSING(sasl_dispose)
MISSING(sasl_errdetail)
MISSING(sasl_errstring)
MISSING(sasl_listmech)
SUCCEEDS(sasl_server_init)
MISSING(sasl_server_new)
MISSING(sasl_server_start)
MISSING(sasl_server_step)

#elif defined(MESOS_STUB_SSL)

#define STUB_FILE "libssl.so.1.0.0"
#define STUB_USE "TLS"
#define STUB_INSTALL "OpenSSL 1.0.2"

MISSING(SSL_CTX_callback_ctrl)
MISSING(SSL_CTX_check_private_key)
MISSING(SSL_CTX_ctrl)
MISSING(SSL_CTX_free)
MISSING(SSL_CTX_get_cert_store)
MISSING(SSL_CTX_load_verify_locations)
MISSING(SSL_CTX_new)
MISSING(SSL_CTX_set_cipher_list)
MISSING(SSL_CTX_set_client_CA_list)
MISSING(SSL_CTX_set_default_verify_paths)
MISSING(SSL_CTX_set_next_proto_select_cb)
MISSING(SSL_CTX_set_next_protos_advertised_cb)
MISSING(SSL_CTX_set_session_id_context)
MISSING(SSL_CTX_set_verify)
MISSING(SSL_CTX_set_verify_depth)
MISSING(SSL_CTX_use_PrivateKey)
MISSING(SSL_CTX_use_PrivateKey_file)
MISSING(SSL_CTX_use_certificate)
MISSING(SSL_CTX_use_certificate_chain_file)
MISSING(SSL_ctrl)
MISSING(SSL_do_handshake)
MISSING(SSL_free)
MISSING(SSL_get0_next_proto_negotiated)
MISSING(SSL_get0_param)
MISSING(SSL_get_error)
MISSING(SSL_get_peer_certificate)
MISSING(SSL_get_rbio)
MISSING(SSL_get_servername)
MISSING(SSL_get_shutdown)
MISSING(SSL_get_verify_result)
MISSING(SSL_get_wbio)
MISSING(SSL_library_init)
MISSING(SSL_load_error_strings)
MISSING(SSL_new)
MISSING(SSL_pending)
MISSING(SSL_read)
MISSING(SSL_renegotiate)
MISSING(SSL_set_SSL_CTX)
MISSING(SSL_set_accept_state)
MISSING(SSL_set_bio)
MISSING(SSL_set_connect_state)
MISSING(SSL_set_info_callback)
MISSING(SSL_set_shutdown)
MISSING(SSL_set_verify)
MISSING(SSL_shutdown)
MISSING(SSL_state)
MISSING(SSL_state_string)
MISSING(SSL_state_string_long)
MISSING(SSL_write)
MISSING(SSLv23_method)
MISSING(TLSv1_2_method)

#elif defined(MESOS_STUB_CRYPTO)

#define STUB_FILE "libcrypto.so.1.0.0"
#define STUB_USE "TLS and tokens"
#define STUB_INSTALL "OpenSSL 1.0.2"

MISSING(ASN1_INTEGER_set)
MISSING(ASN1_STRING_data)
MISSING(ASN1_STRING_free)
MISSING(ASN1_STRING_length)
MISSING(ASN1_STRING_new)
MISSING(ASN1_STRING_set)
MISSING(ASN1_STRING_to_UTF8)
MISSING(BIO_clear_flags)
MISSING(BIO_ctrl)
MISSING(BIO_free)
MISSING(BIO_new)
MISSING(BIO_new_bio_pair)
MISSING(BIO_new_mem_buf)
MISSING(BIO_new_socket)
MISSING(BIO_number_read)
MISSING(BIO_number_written)
MISSING(BIO_read)
MISSING(BIO_s_mem)
MISSING(BIO_set_flags)
MISSING(BIO_test_flags)
MISSING(BIO_write)
MISSING(BN_free)
MISSING(BN_new)
MISSING(BN_set_word)
MISSING(CRYPTO_free)
MISSING(CRYPTO_num_locks)
MISSING(CRYPTO_set_dynlock_create_callback)
MISSING(CRYPTO_set_dynlock_destroy_callback)
MISSING(CRYPTO_set_dynlock_lock_callback)
MISSING(CRYPTO_set_id_callback)
MISSING(CRYPTO_set_locking_callback)
MISSING(EC_KEY_free)
MISSING(EC_KEY_new_by_curve_name)
MISSING(ERR_clear_error)
MISSING(ERR_error_string)
MISSING(ERR_error_string_n)
MISSING(ERR_get_error)
MISSING(ERR_peek_error)
MISSING(ERR_reason_error_string)
MISSING(EVP_PKEY_assign)
MISSING(EVP_PKEY_free)
MISSING(EVP_PKEY_new)
MISSING(EVP_sha1)
MISSING(EVP_sha256)
MISSING(GENERAL_NAME_free)
MISSING(GENERAL_NAME_new)
MISSING(HMAC)
MISSING(OPENSSL_add_all_algorithms_noconf)
MISSING(PEM_read_bio_PrivateKey)
MISSING(PEM_read_bio_RSAPrivateKey)
MISSING(PEM_read_bio_RSA_PUBKEY)
MISSING(PEM_read_bio_X509)
MISSING(PEM_read_bio_X509_AUX)
MISSING(PEM_write_PrivateKey)
MISSING(PEM_write_X509)
MISSING(PEM_write_bio_X509)
MISSING(RAND_poll)
MISSING(RSA_free)
MISSING(RSA_generate_key_ex)
MISSING(RSA_new)
MISSING(RSA_sign)
MISSING(RSA_size)
MISSING(RSA_verify)
MISSING(SHA256)
MISSING(X509_NAME_ENTRY_get_data)
MISSING(X509_NAME_add_entry_by_txt)
MISSING(X509_NAME_dup)
MISSING(X509_NAME_free)
MISSING(X509_NAME_get_entry)
MISSING(X509_NAME_get_index_by_NID)
MISSING(X509_NAME_get_text_by_NID)
MISSING(X509_NAME_oneline)
MISSING(X509_STORE_CTX_get_current_cert)
MISSING(X509_STORE_CTX_get_error)
MISSING(X509_STORE_CTX_get_error_depth)
MISSING(X509_STORE_add_cert)
MISSING(X509_VERIFY_PARAM_set1_host)
MISSING(X509_VERIFY_PARAM_set1_ip_asc)
MISSING(X509_add1_ext_i2d)
MISSING(X509_free)
MISSING(X509_get_default_cert_dir)
MISSING(X509_get_default_cert_dir_env)
MISSING(X509_get_default_cert_file)
MISSING(X509_get_default_cert_file_env)
MISSING(X509_get_ext_d2i)
MISSING(X509_get_issuer_name)
MISSING(X509_get_serialNumber)
MISSING(X509_get_subject_name)
MISSING(X509_gmtime_adj)
MISSING(X509_new)
MISSING(X509_set_issuer_name)
MISSING(X509_set_pubkey)
MISSING(X509_set_version)
MISSING(X509_sign)
MISSING(X509_verify_cert_error_string)
MISSING(sk_new_null)
MISSING(sk_num)
MISSING(sk_pop_free)
MISSING(sk_push)
MISSING(sk_value)

#else
#error "define one of the MESOS_STUB_<GROUP> macros; the head of this file lists them"
#endif
