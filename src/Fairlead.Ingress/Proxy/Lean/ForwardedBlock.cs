using System.Text;
using Fairlead.Ingress.Proxy.Lean.Wire;
using Fairlead.Ingress.Routes;

namespace Fairlead.Ingress.Proxy.Lean;

/// <summary>
/// The fields that tell a pod of the client, as bytes. They are the same for each request of a connection to one host and Ingress, unless the
/// client sends such fields itself, so they are made once and kept.
/// </summary>
internal sealed class ForwardedBlock
{
    /// <summary>Where blocks are put together before their length is known.</summary>
    [ThreadStatic]
    private static byte[]? s_made;

    private byte[] _bytes = [];
    private int _length;
    private Annotations.RouteOptions? _options;
    private string? _authority;

    internal ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, _length);

    /// <summary>The client's own fields that these replace, or that are taken away.</summary>
    internal ulong Replaced { get; private set; }

    internal void Make(ForwardedHeaders rules, Route route, LeanRequest request)
    {
        var isPlain = (request.Head.Fields.Kinds & FieldKinds.OfForwarding) == 0;
        if (isPlain && ReferenceEquals(_options, route.Options) && _authority == request.Authority) return;
        _length = 0;
        Replaced = 0;
        rules.Write(new Sink(this), route, request);
        // What is kept is no longer than it has to be: thousands of connections each have one.
        if (_length > _bytes.Length) _bytes = new byte[_length];
        s_made.AsSpan(0, _length).CopyTo(_bytes);
        (_options, _authority) = isPlain ? (route.Options, request.Authority) : (null, null);
    }

    /// <summary>Keeps nothing until it is made again.</summary>
    internal void Forget() => (_bytes, _length, _options, _authority) = ([], 0, null, null);

    private void Append(string text)
    {
        if (s_made is null || _length + text.Length > s_made.Length) Array.Resize(ref s_made, Math.Max(1024, (_length + text.Length) * 2));
        _length += Encoding.Latin1.GetBytes(text, s_made.AsSpan(_length));
    }

    private readonly struct Sink(ForwardedBlock block) : IHeaderSink
    {
        public void Set(string name, string value)
        {
            var kind = Replace(name);
            // Each request has its own.
            if (kind == FieldKind.XRequestId) return;
            block.Append(name);
            block.Append(": ");
            block.Append(value);
            block.Append("\r\n");
        }

        public void Remove(string name) => Replace(name);

        private FieldKind Replace(string name)
        {
            var kind = FieldKinds.Of(Encoding.Latin1.GetBytes(name));
            if (kind == FieldKind.Other) throw new InvalidOperationException($"{name} is not among the kinds of fields");
            block.Replaced |= FieldKinds.Bit(kind);
            return kind;
        }
    }
}
