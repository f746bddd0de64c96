using Xunit;

namespace Fairlead.Testing;

/// <summary>Requests by which one could smuggle another past the proxy, because two servers read them differently (RFC 9112, section 11.2).</summary>
public static class RefusedRequests
{
    /// <summary>What it is, the request to host a, and the status that refuses it.</summary>
    public static TheoryData<string, string, int> Smuggling { get; } = new()
    {
        { "both lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", 400 },
        { "both lengths, other order", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nG", 400 },
        { "two different lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400 },
        { "two lengths in one", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx", 400 },
        { "chunked not last", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400 },
        { "unknown coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400 },
        { "folded field", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400 },
        { "space before colon", "GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n", 400 },
        { "bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\rY: 2\r\n\r\n", 400 },
        { "NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\0\r\n\r\n", 400 },
        { "no host", "GET / HTTP/1.1\r\n\r\n", 400 },
        { "two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400 },
        { "above the root", "GET /../x HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
        { "bad escape", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
        { "NUL in the path", "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
        { "unknown version", "GET / HTTP/3.7\r\nHost: a\r\n\r\n", 505 },
        { "length in hexadecimal", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\nx", 400 },
        { "no length at all", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\nx", 400 },
        { "vertical tab before chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", 400 },
        { "chunked twice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400 },
        { "folded coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400 },
        { "bare CR in the request line", "GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
        { "bare CR after a name", "GET / HTTP/1.1\r\nHost: a\r\nX\r: 1\r\n\r\n", 400 },
        { "field without colon", "GET / HTTP/1.1\r\nHost: a\r\nGET /other HTTP/1.1\r\n\r\n", 400 },
        { "host that is a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400 },
        { "the same length twice", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400 },
        { "chunked in one field twice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400 },
        { "space before the coding's colon", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400 },
        { "folded length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 1\r\n\r\nx", 400 },
        { "bare line feed between fields", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\nY: 2\r\n\r\n", 400 },
        { "bare line feeds only", "GET / HTTP/1.1\nHost: a\n\n", 400 },
        { "bare line feed at the head's end", "GET / HTTP/1.1\r\nHost: a\r\n\nX", 400 },
        { "compressed and chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400 },
    };

    /// <summary>Bodies that are said to be chunked.</summary>
    public static TheoryData<string> BadChunks { get; } =
    [
        "g\r\nx\r\n0\r\n\r\n",
        "-1\r\nx\r\n0\r\n\r\n",
        "1 \r\nx\r\n0\r\n\r\n",
        "1\nx\n0\n\n",
        "1\r\nxy\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nx\r\n0\r\n\r\n",
    ];
}
