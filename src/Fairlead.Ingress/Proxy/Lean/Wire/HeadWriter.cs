using System.Text;

namespace Fairlead.Ingress.Proxy.Lean.Wire;

/// <summary>Writes a head into a buffer that is known to be long enough.</summary>
internal ref struct HeadWriter(Span<byte> buffer)
{
    private readonly Span<byte> _buffer = buffer;

    internal int Length { get; private set; }

    internal void Write(scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_buffer[Length..]);
        Length += bytes.Length;
    }

    internal void Write(string latin1) => Length += Encoding.Latin1.GetBytes(latin1, _buffer[Length..]);

    /// <summary>Fields whose kinds are not among those left out, as they came.</summary>
    internal void WriteFields(HeadFields fields, scoped ReadOnlySpan<byte> head, ulong without)
    {
        foreach (ref readonly var field in fields.All)
        {
            if ((without & FieldKinds.Bit(field.Kind)) != 0) continue;
            Write(head.Slice(field.Name, field.NameLength));
            Write(": "u8);
            Write(head.Slice(field.Value, field.ValueLength));
            Write("\r\n"u8);
        }
    }
}
