using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Fairlead.Ingress.Tls;

/// <summary>Names of certificates as text (RFC 2253): CN=jane,O=example, the most special first.</summary>
internal static class DistinguishedName
{
    internal static string Format(X500DistinguishedName name)
    {
        try
        {
            return string.Join(',', name.EnumerateRelativeDistinguishedNames(reversed: true).Select(Part));
        }
        catch (CryptographicException)
        {
            return "";
        }
    }

    private static string Part(X500RelativeDistinguishedName part) =>
        part.HasMultipleElements ? $"#{Convert.ToHexString(part.RawData.Span)}" : $"{Key(part.GetSingleElementType())}={Escape(part.GetSingleElementValue() ?? "")}";

    private static string Key(Oid type) => type.Value switch
    {
        "2.5.4.3" => "CN",
        "2.5.4.4" => "SN",
        "2.5.4.5" => "serialNumber",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "street",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.12" => "title",
        "2.5.4.42" => "GN",
        "1.2.840.113549.1.9.1" => "emailAddress",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        var other => other ?? "",
    };

    /// <summary>Section 2.4; and what a header field cannot hold, as its bytes.</summary>
    private static string Escape(string value)
    {
        var text = new StringBuilder();
        for (var i = 0; i < value.Length; i++)
        {
            var c = value[i];
            var isAtAnEnd = i == 0 ? c is ' ' or '#' : i == value.Length - 1 && c == ' ';
            if (c is ',' or '+' or '"' or '\\' or '<' or '>' or ';' || isAtAnEnd) text.Append('\\').Append(c);
            else if (c is >= ' ' and < '\x7f') text.Append(c);
            else
            {
                foreach (var part in Encoding.UTF8.GetBytes(value, i, char.IsSurrogatePair(value, i) ? 2 : 1)) text.Append(CultureInfo.InvariantCulture, $"\\{part:X2}");
                if (char.IsSurrogatePair(value, i)) i++;
            }
        }
        return text.ToString();
    }
}
