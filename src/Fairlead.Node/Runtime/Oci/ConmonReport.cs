using System.Text;
using System.Text.Json;

namespace Fairlead.Node.Runtime.Oci;

/// <summary>
/// What conmon tells on its sync pipe: <c>{"pid": 12}</c> (or <c>data</c>, by API version), or a number below 1 and a message.
/// </summary>
internal static class ConmonReport
{
    public static (int Number, string? Message) Parse(string line)
    {
        var number = -1;
        string? message = null;
        try
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(line));
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName) continue;
                var name = reader.GetString();
                reader.Read();
                if (name is "data" or "pid" or "exit_code" && reader.TokenType == JsonTokenType.Number) number = reader.GetInt32();
                else if (name == "message") message = reader.GetString();
            }
        }
        catch (JsonException)
        {
            return (-1, line);
        }
        return (number, message);
    }
}
